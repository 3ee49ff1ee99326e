"""FTP: servers that lack commands, and TLS. The rest is in test_storage.py."""

import datetime
import ipaddress
from pathlib import Path

import pytest

from tidemill.artifacts.storage import open_storage
from tidemill.errors import InvalidParameter, PermissionDenied, Unavailable
from tidemill.types.artifacts import FileInfo


@pytest.fixture
def login(monkeypatch: pytest.MonkeyPatch):
    def enter(place) -> str:
        for name, value in place.env.items():
            monkeypatch.setenv(name, value)
        return place.address

    return enter


def test_a_server_without_mlsd(serving_ftp, login, tmp_path: Path) -> None:
    handlers = pytest.importorskip("pyftpdlib.handlers")
    commands = {name: value for name, value in handlers.FTPHandler.proto_cmds.items() if name not in ("MLSD", "MLST")}
    with (
        serving_ftp(handlers.FTPHandler, tmp_path, proto_cmds=commands) as place,
        open_storage(login(place)) as storage,
    ):
        assert storage.list() == []
        storage.write("dir/f", [b"123"])
        storage.write("dir/deeper/with space", [b"x"])
        assert storage.list("dir") == [
            FileInfo("dir/deeper", is_dir=True),
            FileInfo("dir/f", is_dir=False, file_size=3),
        ]
        assert storage.list("missing") == []
        assert storage.list("dir/f") == []
        storage.delete("dir")
        assert storage.list() == []


def test_a_file_in_the_way_is_named(ftp_server, login) -> None:
    storage = open_storage(login(ftp_server))
    storage.write("way/f", [b"x"])
    with pytest.raises(InvalidParameter, match="so nothing can lie below it"):
        storage.write("way/f/below", [b"x"])
    with pytest.raises(InvalidParameter, match="is a folder"):
        storage.write("way", [b"x"])


def test_line_breaks_are_no_second_command(ftp_server, login) -> None:
    storage = open_storage(login(ftp_server))
    storage.write("precious", [b"x"])
    for act in (storage.stat, storage.list, storage.read, storage.delete, storage.open_writer):
        with pytest.raises(InvalidParameter, match="Invalid path"):
            act("f\r\nDELE /files/precious")
    assert b"".join(storage.read("precious")) == b"x"


def test_a_transfer_that_breaks_off_is_noticed(serving_ftp, login, tmp_path: Path) -> None:
    handlers = pytest.importorskip("pyftpdlib.handlers")

    class Breaking(handlers.DTPHandler):
        def send(self, data: bytes) -> int:
            self.close()
            return 0

    with serving_ftp(handlers.FTPHandler, tmp_path, dtp_handler=Breaking, use_sendfile=False) as place:
        storage = open_storage(login(place))
        (tmp_path / "files" / "f").write_bytes(b"x" * 500_000)
        with pytest.raises(Unavailable):
            b"".join(storage.read("f"))


def test_an_upload_that_lost_bytes_is_noticed(serving_ftp, login, tmp_path: Path) -> None:
    handlers = pytest.importorskip("pyftpdlib.handlers")

    class Losing(handlers.DTPHandler):
        def recv(self, size: int) -> bytes:
            data = super().recv(size)
            return data[: len(data) // 2 + 1]

    with serving_ftp(handlers.FTPHandler, tmp_path, dtp_handler=Losing) as place:
        storage = open_storage(login(place))
        with pytest.raises(Unavailable, match="of 500000 bytes of 'f'; try again"):
            storage.write("f", [b"x" * 500_000])
        assert storage.list() == []
        assert list((tmp_path / "files").iterdir()) == []


def test_tls_checks_the_certificate(serving_ftp, login, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("OpenSSL", reason="pip install pyopenssl")
    handlers = pytest.importorskip("pyftpdlib.handlers")
    certificate = make_certificate(tmp_path / "certificate.pem")
    (tmp_path / "home").mkdir()
    with serving_ftp(handlers.TLS_FTPHandler, tmp_path / "home", certfile=certificate) as place:
        address = login(place).replace("ftp:", "ftps:")
        with pytest.raises(PermissionDenied, match="certificate is not trusted: self-signed"):
            open_storage(address).stat("f")
        monkeypatch.setenv("SSL_CERT_FILE", certificate)
        storage = open_storage(address)
        storage.write("dir/f", [b"private"] * 1000)
        assert b"".join(storage.read("dir/f")) == b"private" * 1000
        assert storage.list("dir") == [FileInfo("dir/f", is_dir=False, file_size=7000)]


def make_certificate(path: Path) -> str:
    from cryptography import x509
    from cryptography.hazmat.primitives import hashes, serialization
    from cryptography.hazmat.primitives.asymmetric import ec

    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "localhost")])
    now = datetime.datetime.now(datetime.UTC)
    address = x509.IPAddress(ipaddress.ip_address("127.0.0.1"))
    certificate = (
        x509.CertificateBuilder(name, name, key.public_key(), x509.random_serial_number())
        .not_valid_before(now - datetime.timedelta(days=1))
        .not_valid_after(now + datetime.timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([address]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    form = serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    path.write_bytes(key.private_bytes(*form) + certificate.public_bytes(serialization.Encoding.PEM))
    return str(path)
