"""Buckets: what only they have. The rest is in test_storage.py."""

import re
import subprocess
import sys
import urllib.error

import pytest

from tidemill.artifacts.cloud import CloudStorage
from tidemill.artifacts.storage import Storage, open_storage
from tidemill.artifacts.uri import ArtifactUri
from tidemill.errors import InvalidParameter, MissingDependency, NotFound, Unavailable


@pytest.fixture(params=["s3", "gcs", "azure"])
def bucket(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> str:
    """The address of an existing bucket of each kind; credentials are in the environment."""
    server = request.getfixturevalue(f"{request.param}_server")
    for name, value in server.env.items():
        monkeypatch.setenv(name, value)
    return server.address


@pytest.fixture
def s3(s3_server, monkeypatch: pytest.MonkeyPatch) -> str:
    for name, value in s3_server.env.items():
        monkeypatch.setenv(name, value)
    return s3_server.address


def missing(bucket: str) -> Storage:
    return open_storage(str(ArtifactUri(ArtifactUri.parse(bucket).scheme, "nosuchbucket", "/x")))


def test_a_missing_bucket_is_named_as_such(bucket: str) -> None:
    storage = missing(bucket)
    for act in (storage.list, lambda path: storage.write(path, [b"x"])):
        with pytest.raises(NotFound, match="bucket of 'f' does not exist"):
            act("f")
    with pytest.raises(NotFound):
        storage.read("f")


def test_the_folder_markers_of_other_tools_are_not_listed(bucket: str, request_http) -> None:
    storage = open_storage(f"{bucket}/markers")
    storage.write("dir/f", [b"x"])
    open_storage(f"{bucket}/markers").write("dir", [b""])  # as near to the key "dir/" as every provider takes
    assert [info.path for info in storage.list("dir")] == ["dir/f"]


def test_keys_of_other_prefixes_stay_out_of_sight(bucket: str) -> None:
    for prefix in ("one", "one-more", "on"):
        open_storage(f"{bucket}/prefixes/{prefix}").write("f", [prefix.encode()])
    one = open_storage(f"{bucket}/prefixes/one/")
    assert [info.path for info in one.list()] == ["f"]
    one.delete("f")
    assert b"".join(open_storage(f"{bucket}/prefixes/one-more").read("f")) == b"one-more"
    root = open_storage(f"{bucket}/prefixes")
    root.delete("on")
    assert [info.path for info in root.list()] == ["one-more"]


def test_the_bucket_itself_can_be_the_root(bucket: str) -> None:
    storage = open_storage(bucket)
    storage.write("at the top.txt", [b"x"])
    assert "at the top.txt" in [info.path for info in storage.list()]
    assert storage.list() == open_storage(f"{bucket}/").list()


def test_a_folder_of_more_than_one_page(s3: str) -> None:
    storage = open_storage(f"{s3}/pages")
    for number in range(1105):
        storage.write(f"dir/{number:04d}", [b"x"])
    assert [info.path for info in storage.list("dir")] == [f"dir/{number:04d}" for number in range(1105)]
    storage.delete("dir")
    assert storage.list("dir") == []


def test_an_aborted_upload_leaves_no_parts_to_pay_for(s3: str, s3_server, request_http) -> None:
    storage = open_storage(f"{s3}/parts")
    with storage.open_writer("f") as writer:
        for _ in range(20):
            writer.write(bytes(1 << 20))
    uploads = request_http("GET", f"{s3_server.env['MLFLOW_S3_ENDPOINT_URL']}/tidemills3?uploads").decode()
    assert "<ListMultipartUploadsResult" in uploads
    assert re.findall("<Key>(.*?)</Key>", uploads) == []


def test_control_characters_are_no_key(bucket: str) -> None:
    storage = open_storage(f"{bucket}/control")
    for act in (storage.stat, storage.read, storage.list, lambda path: storage.write(path, [b"x"])):
        with pytest.raises(InvalidParameter, match="Invalid path"):
            act("line\nbreak")


def test_plain_names_can_be_signed(bucket: str, request_http) -> None:
    storage = open_storage(f"{bucket}/signed")
    if bucket.startswith("gs:"):
        assert storage.signed_url("GET", "dir/f.txt", 60) is None  # an emulator's token cannot sign
        return
    put, get = (storage.signed_url(verb, "dir/f.txt", 60) for verb in ("PUT", "GET"))
    assert put is not None
    assert get is not None
    request_http("PUT", put.url, b"straight", put.headers)
    assert request_http("GET", get.url, headers=get.headers) == b"straight"
    with pytest.raises(InvalidParameter, match="GET, HEAD, PUT or DELETE"):
        storage.signed_url("POST", "dir/f.txt", 60)


def test_an_azure_signature_is_for_one_verb_and_file(
    azure_server, monkeypatch: pytest.MonkeyPatch, request_http
) -> None:
    monkeypatch.setenv("AZURE_STORAGE_CONNECTION_STRING", azure_server.env["AZURE_STORAGE_CONNECTION_STRING"])
    storage = open_storage(f"{azure_server.address}/signed-once")
    storage.write("f.txt", [b"x"])
    get = storage.signed_url("GET", "f.txt", 60)
    assert get is not None
    for verb, url in (("PUT", get.url), ("GET", get.url.replace("f.txt", "g.txt"))):
        with pytest.raises(urllib.error.HTTPError, match="403"):
            request_http(verb, url, b"", {"x-ms-blob-type": "BlockBlob"})


@pytest.mark.parametrize(
    "address", ["wasbs://tidemill@{account}.blob.core.windows.net", "abfss://tidemill@{account}.x"]
)
def test_azure_addresses_with_an_account(azure_server, monkeypatch: pytest.MonkeyPatch, address: str) -> None:
    monkeypatch.setenv("AZURE_STORAGE_CONNECTION_STRING", azure_server.env["AZURE_STORAGE_CONNECTION_STRING"])
    storage = open_storage(address.format(account="devstoreaccount1") + "/account")
    storage.write("f", [b"x"])
    assert b"".join(open_storage("az://tidemill/account").read("f")) == b"x"


def test_keys_from_the_aws_command_lines_files(s3_server, monkeypatch: pytest.MonkeyPatch, tmp_path) -> None:
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_REGION", "AWS_DEFAULT_REGION"):
        monkeypatch.delenv(name, raising=False)
    (tmp_path / "credentials").write_text("[team]\naws_access_key_id = AKTEAM\naws_secret_access_key = %secret\n")
    (tmp_path / "config").write_text("[profile team]\nregion = eu-west-3\n")
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", str(tmp_path / "credentials"))
    monkeypatch.setenv("AWS_CONFIG_FILE", str(tmp_path / "config"))
    monkeypatch.setenv("AWS_PROFILE", "team")
    monkeypatch.setenv("MLFLOW_S3_ENDPOINT_URL", s3_server.env["MLFLOW_S3_ENDPOINT_URL"])
    storage = open_storage(f"{s3_server.address}/profile")
    signed = storage.signed_url("GET", "f", 60)
    assert signed is not None
    assert re.search(r"X-Amz-Credential=AKTEAM%2F\d+%2Feu-west-3%2Fs3", signed.url)
    (tmp_path / "credentials").write_text("not an ini file")
    with pytest.raises(InvalidParameter, match="cannot be read"):
        open_storage(f"{s3_server.address}/profile")


def test_credentials_that_make_no_sense_are_an_error_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("obstore")
    monkeypatch.setenv("GOOGLE_APPLICATION_CREDENTIALS", "/not/there.json")
    with pytest.raises(InvalidParameter, match="cannot be opened with these credentials"):
        open_storage("gs://bucket/x")


def test_a_bucket_that_cannot_be_reached_is_unavailable() -> None:
    store = pytest.importorskip("obstore.store").S3Store(
        "bucket",
        endpoint="http://127.0.0.1:1",
        access_key_id="a",
        secret_access_key="b",
        client_options={"allow_http": True},
        retry_config={"max_retries": 0},
    )
    for act in (CloudStorage(store, "").stat, CloudStorage(store, "").list, CloudStorage(store, "").read):
        with pytest.raises(Unavailable, match="The storage failed at 'f'"):
            act("f")


def test_without_obstore_the_extra_is_named() -> None:
    code = (
        "import sys; sys.modules['obstore'] = None\n"
        "from tidemill.artifacts.storage import open_storage\n"
        "try: open_storage('s3://bucket/x')\n"
        "except ImportError as error: print(type(error).__name__, error)\n"
    )
    answer = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert answer.stdout.startswith(MissingDependency.__name__)
    assert "pip install 'tidemill[s3]'" in answer.stdout


def test_local_storage_does_not_load_any_library() -> None:
    code = (
        "import sys\n"
        "from tidemill.artifacts.storage import open_storage\n"
        "open_storage('/tmp').stat('x')\n"
        "print([name for name in ('obstore', 'asyncssh', 'asyncio', 'ftplib', 'ssl') if name in sys.modules])\n"
    )
    answer = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert answer.stdout.strip() == "[]"
