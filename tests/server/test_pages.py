"""Health, version, and the interface's description."""

import re
from html.parser import HTMLParser

from openapi_spec_validator import validate
from packaging.version import Version

import tidemill


def test_health(server):
    answer = server.ask("GET", "/health")
    assert (answer.status, answer.body) == (200, b"OK")
    assert answer.headers["x-content-type-options"] == "nosniff"


def test_version_is_mlflows_level_as_bare_text(server):
    answer = server.ask("GET", "/version")
    assert Version(answer.body.decode()) >= Version("3.4")
    assert answer.headers["content-type"].startswith("text/plain")
    assert answer.headers["x-tidemill-version"] == tidemill.__version__


def test_server_info(server):
    for prefix in ("/api", "/ajax-api"):
        answer = server.ask("GET", prefix + "/3.0/mlflow/server-info")
        assert answer.json == {"store_type": "SqlStore", "workspaces_enabled": False}


def test_the_openapi_document_is_served(server):
    document = server.ask("GET", "/openapi.json").json
    validate(document)
    assert "/api/2.0/mlflow/runs/log-batch" in document["paths"]


class Page(HTMLParser):
    """What a page holds: ids, links, and tags that have no business there."""

    def __init__(self):
        super().__init__()
        self.ids, self.links, self.tags = [], [], set()

    def handle_starttag(self, tag, attrs):
        self.tags.add(tag)
        for name, value in attrs:
            assert not name.startswith("on")
            assert name != "style"
            if name == "id":
                self.ids.append(value)
            if name in ("href", "src", "action"):
                self.links.append(value)


def test_the_docs_page_needs_nothing_but_itself(server):
    answer = server.ask("GET", "/docs")
    assert answer.headers["content-type"] == "text/html; charset=utf-8"
    policy = answer.headers["content-security-policy"]
    assert policy.startswith("default-src 'none'; style-src 'sha256-")
    assert "unsafe" not in policy
    page = Page()
    page.feed(answer.body.decode())
    assert not page.tags & {"script", "img", "link", "iframe", "form", "object"}
    assert "url(" not in re.search(r"<style>(.*)</style>", answer.body.decode(), re.DOTALL)[1]
    assert len(page.ids) == len(set(page.ids))
    assert {link for link in page.links if not link.startswith("#")} == {"openapi.json"}
    assert {link[1:] for link in page.links if link.startswith("#")} <= set(page.ids)
    assert "runs.log_batch" in page.ids
