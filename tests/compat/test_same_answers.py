"""The same requests to MLflow's own server and to ours, and the same answers.

`corpus/*.txt` holds the requests, one a line: verb, path (without a leading slash it lies under /api/2.0/mlflow/) and
body. Indented lines after a request say:

    keep NAME = path.to.field     its value is `$NAME` in what follows
    header NAME: VALUE            sent instead of `Content-Type: application/json`; an empty value sends none
    accept ID STATUS [CODE]       the answers differ on purpose, and this is ours; docs/compatibility.md says why

`<a*500>` stands for 500 letters a, `<101 {"key": "k#"}>` for 101 copies joined by a comma (by `&` in a path), in which
`#` counts up from 0. Compared are status, error code, message, and the whole answer, with ids, times and generated
names replaced by placeholders.
"""

import http.client
import json
import re
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

_CORPUS = Path(__file__).parent / "corpus"
_ROOT = "/api/2.0/mlflow/"
_DAY_MS = 86_400_000
_SET = re.compile(r"\{('[^']*'(?:, '[^']*')*)\}")
_BEFORE_ID = r"(?:(?<=id=)|(?<= id )|(?<= ID )|(?<=experiment )|(?<=artifacts:/)|(?<=: '))"
_PLACE = re.compile(r" \(at character \d+: .*", re.DOTALL)
_GENERATED = (
    (re.compile(r"\bm-[0-9a-f]{32}\b"), "<model id>"),
    (re.compile(r"\b[0-9a-f]{32}\b"), "<run id>"),
    (re.compile(r"^[a-z]+-[a-z]+-\d{1,4}$"), "<generated name>"),
)
_UNORDERED = {
    "tags",
    "params",
    "dataset_inputs",
    "model_inputs",
    "model_outputs",
    "dataset_summaries",
    "latest_versions",
    "events",
}
_IGNORED = {
    # Further hints on errors, in the newest versions only; no client reads them.
    "sqlstate",
    "error_class",
    # Always "default" where workspaces are switched off, as they are here.
    "workspace",
}

_REASONS = Path(__file__).parents[2] / "docs" / "compatibility.md"
"""Its table of differences is where each accepted one has its reason."""

ACCEPTED = re.findall(r"^\| `([a-z-]+)` \|", _REASONS.read_text("utf-8"), re.MULTILINE)


@dataclass
class Ask:
    """One request of the corpus, as written."""

    place: str
    verb: str
    path: str
    body: str
    keeps: dict[str, str] = field(default_factory=dict)
    headers: dict[str, str] = field(default_factory=lambda: {"Content-Type": "application/json"})
    accepted: str = ""
    ours: str = ""


@dataclass
class Answer:
    """What came back: `content` is JSON where it is JSON, else text."""

    status: int
    kind: str
    name: str
    content: Any


@dataclass
class Side:
    """One of the two servers, and what was kept of its answers."""

    host: str
    kept: dict[str, str] = field(default_factory=dict)

    def send(self, ask: Ask) -> Answer:
        connection = http.client.HTTPConnection(self.host, timeout=60)
        body = _unfold(self.fill(ask.body), ", ").encode("utf-8", "surrogatepass")
        path = _unfold(self.fill(ask.path), "&")
        connection.putrequest(ask.verb, path if path.startswith("/") else _ROOT + path)
        for name, value in ask.headers.items():
            if value:
                connection.putheader(name, value)
        if body or ask.verb in ("POST", "PUT", "PATCH"):
            connection.putheader("Content-Length", str(len(body)))
        connection.endheaders(body)
        reply = connection.getresponse()
        data = reply.read()
        connection.close()
        try:
            content = json.loads(data)
        except ValueError:
            content = data.decode("utf-8", "replace")
        kind = (reply.getheader("Content-Type") or "").partition(";")[0]
        answer = Answer(reply.status, kind, reply.getheader("Content-Disposition") or "", content)
        for name, where in ask.keeps.items():
            self.kept[name] = _dig(content, where, ask.place)
        return answer

    def fill(self, text: str) -> str:
        return re.sub(r"\$(\w+)", lambda found: self.kept.get(found[1], found[0]), text)

    def plain(self, value: Any, key: str = "") -> Any:
        """`value` without what differs from server to server: ids, times, generated names, tokens."""
        if isinstance(value, dict):
            found = {name: self.plain(one, name) for name, one in value.items() if name not in _IGNORED}
            if key == "data" and "metrics" in found:
                found["metrics"] = sorted(found["metrics"], key=repr)
            return found
        if isinstance(value, list):
            found = [self.plain(one) for one in value]
            return sorted(found, key=repr) if key in _UNORDERED else found
        if isinstance(value, str):
            return "<token>" if key == "next_page_token" else self._plain_text(value, key)
        if isinstance(value, int) and abs(value - time.time() * 1000) < _DAY_MS:
            return "<now>"
        return value

    def _plain_text(self, text: str, key: str) -> str:
        # Where in the text the error of a filter is: ours says so in addition.
        text = _PLACE.sub("", text)
        if key == "experiment_id":
            return next((f"${name}" for name, value in self.kept.items() if value == text), "<experiment id>")
        for name, value in self.kept.items():
            # The id of an experiment is a small number: it is one only where the text says so.
            before = _BEFORE_ID if value.isdecimal() else r"(?<![\w.-])"
            text = re.sub(rf"{before}{re.escape(value)}(?![\w.-])", f"${name}", text)
        text = re.sub(r"^mlflow-artifacts:/\d+(?=/|$)", "mlflow-artifacts:/<experiment id>", text)
        for pattern, shown in _GENERATED:
            text = pattern.sub(shown, text)
        # The text of a Python set, whose order is its own.
        return _SET.sub(lambda found: "{" + ", ".join(sorted(found[1].split(", "))) + "}", text)


def _dig(content: Any, where: str, place: str) -> str:
    for name in where.split("."):
        assert isinstance(content, dict), f"{place}: no {where} in {content}"
        assert name in content, f"{place}: no {where} in {content}"
        content = content[name]
    return str(content)


def _unfold(text: str, joint: str) -> str:
    text = re.sub(r"<(.)\*(\d+)>", lambda found: found[1] * int(found[2]), text)
    return re.sub(
        r"<(\d+) (.*?)>",
        lambda found: joint.join(found[2].replace("#", str(number)) for number in range(int(found[1]))),
        text,
    )


def read_corpus(path: Path) -> Iterator[Ask]:
    """The requests of one file, in order."""
    ask: Ask | None = None
    for number, line in enumerate(path.read_text("utf-8").splitlines(), 1):
        if not line.strip() or line.startswith("#"):
            continue
        if line[0] != " ":
            if ask is not None:
                yield ask
            verb, target, *body = line.split(" ", 2)
            ask = Ask(f"{path.name}:{number}", verb, target, body[0] if body else "")
            continue
        assert ask is not None, f"{path.name}:{number}: an option without a request"
        word, _, rest = line.strip().partition(" ")
        if word == "keep":
            name, _, where = rest.partition(" = ")
            ask.keeps[name] = where
        elif word == "header":
            name, _, value = rest.partition(":")
            ask.headers[name] = value.strip()
        elif word == "accept":
            ask.accepted, _, ask.ours = rest.partition(" ")
        else:
            raise AssertionError(f"{path.name}:{number}: no option {word!r}")
    if ask is not None:
        yield ask


def _shown(side: Side, answer: Answer) -> Any:
    content = side.plain(answer.content)
    if answer.status >= 400 and isinstance(content, dict) and "error_code" in content:
        return {"status": answer.status, **content}
    kind = answer.kind if content else ""
    # To every client an empty body says the same as `{}`.
    return {"status": answer.status, "type": kind, "file": side.plain(answer.name), "answer": content or {}}


def differences(corpus: Path, theirs: Side, ours: Side) -> Iterator[str]:
    """Each answer that differs and should not, or that should differ and does not."""
    for ask in read_corpus(corpus):
        expected, found = theirs.send(ask), ours.send(ask)
        left, right = _shown(theirs, expected), _shown(ours, found)
        line = f"{ask.place}  {ask.verb} {ask.path} {ask.body[:300]}"
        if not ask.accepted:
            if left != right:
                yield "\n".join([line, *_compared(left, right)])
            continue
        code = found.content.get("error_code", "") if isinstance(found.content, dict) else ""
        if left == right:
            yield f"{line}\n    is listed as an accepted difference ({ask.accepted}), but the answers are equal"
        if ask.accepted not in ACCEPTED:
            yield f"{line}\n    the accepted difference {ask.accepted!r} has no row in {_REASONS.name}"
        if ask.accepted == "hints" and expected.status != found.status:
            yield f"{line}\n    only words may differ, but MLflow answers {expected.status}, Tidemill {found.status}"
        if ask.ours != f"{found.status} {code}".strip():
            got = [f"    expected of Tidemill {ask.ours}, got {found.status} {code}"]
            yield "\n".join([line, *got, *_compared(left, right)])


def _compared(left: Any, right: Any, where: str = "") -> Iterator[str]:
    """The places at which two answers differ, as lines for a person."""
    same_kind = type(left) is type(right)
    if same_kind and isinstance(left, dict) and left.keys() == right.keys():
        for name in left:
            yield from _compared(left[name], right[name], f"{where}.{name}")
    elif same_kind and isinstance(left, list) and len(left) == len(right):
        for number, (one, other) in enumerate(zip(left, right, strict=True)):
            yield from _compared(one, other, f"{where}[{number}]")
    elif left != right:
        yield f"    MLflow   {where} {_compact(left)}"
        yield f"    Tidemill {where} {_compact(right)}"


def _compact(answer: Any) -> str:
    text = re.sub(r"(.)\1{40,}", lambda run: f"<{run[1]}*{len(run[0])}>", json.dumps(answer, ensure_ascii=False))
    return text if len(text) < 600 else text[:600] + " ..."


def test_each_accepted_difference_is_asked_for() -> None:
    used = {ask.accepted for corpus in _CORPUS.glob("*.txt") for ask in read_corpus(corpus)} - {""}
    assert used == set(ACCEPTED)


@pytest.mark.parametrize("corpus", sorted(_CORPUS.glob("*.txt")), ids=lambda path: path.stem)
def test_answers_are_those_of_mlflow(corpus: Path, servers: tuple[str, str]) -> None:
    theirs, ours = (Side(address.removeprefix("http://")) for address in servers)
    found = list(differences(corpus, theirs, ours))
    assert not found, f"{len(found)} answers differ:\n" + "\n".join(found)
