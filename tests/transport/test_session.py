"""Patience, credentials, redirects, TLS: how requests reach a server."""

import datetime
import ipaddress
import socket
import ssl
import threading
import time

import pytest

from tidemill.errors import InvalidParameter, Unavailable
from tidemill.transport.address import parse_address, quote_path
from tidemill.transport.session import Session

SECRET = "s3cret-pass"


@pytest.fixture
def session(script):
    made = Session(script.url, timeout=0.5, patience=5, env={})
    yield made
    made.close()


def send(session, repeatable=True, verb="POST"):
    return session.send(verb, "/x", body=b"{}" if verb == "POST" else None, repeatable=repeatable)


@pytest.mark.parametrize("first", ["drop", "cut", "hang", (502, b""), (503, b""), (504, b""), (429, b""), (408, b"")])
def test_what_fails_in_passing_is_sent_again(session, script, first):
    script.answers = [first]
    assert send(session).status == 200
    assert len(script.seen) == 2


@pytest.mark.parametrize("first", ["drop", "cut", "hang"])
def test_what_may_have_been_carried_out_is_not_sent_again(session, script, first):
    script.answers = [first]
    with pytest.raises(Unavailable):
        send(session, repeatable=False)
    assert len(script.seen) == 1


@pytest.mark.parametrize("status", [502, 503, 504])
def test_a_proxys_failure_leaves_open_whether_it_was_carried_out(session, script, status):
    script.answers = [(status, b"<html>")]
    assert send(session, repeatable=False).status == status
    assert len(script.seen) == 1


@pytest.mark.parametrize(
    "first", [(408, b""), (429, b""), (503, {"error_code": "TEMPORARILY_UNAVAILABLE", "message": "busy"})]
)
def test_what_was_surely_refused_is_sent_again_in_any_case(session, script, first):
    script.answers = [first]
    assert send(session, repeatable=False).status == 200


@pytest.mark.parametrize("status", [400, 401, 404, 409, 500, 501])
def test_other_answers_are_final(session, script, status):
    script.answers = [(status, b"{}")]
    assert send(session).status == status
    assert len(script.seen) == 1


def test_a_server_that_is_not_there_yet_is_waited_for(script):
    with socket.socket() as place:
        place.bind(("127.0.0.1", 0))
        port = place.getsockname()[1]
    session = Session(f"http://127.0.0.1:{port}", timeout=1, patience=10, env={})

    def come_up():
        time.sleep(0.5)
        with socket.create_server(("127.0.0.1", port)) as listener:
            connection, _ = listener.accept()
            with connection:
                connection.recv(65536)
                connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}")

    thread = threading.Thread(target=come_up)
    thread.start()
    assert send(session, repeatable=False).body == b"{}"
    thread.join()


def test_patience_ends(script):
    session = Session(script.url, timeout=1, patience=1.0, env={})
    script.answers = [(503, b"")] * 100
    began = time.monotonic()
    assert send(session).status == 503
    assert time.monotonic() - began < 2
    assert 3 <= len(script.seen) <= 8


def test_no_patience_means_one_attempt(script):
    session = Session(script.url, timeout=1, patience=0, env={})
    script.answers = ["drop", "drop"]
    with pytest.raises(Unavailable, match=f"connection to the server at {script.url} broke"):
        send(session)
    assert len(script.seen) == 1


def test_retry_after_is_honoured(session, script):
    script.answers = [(429, b"", {"Retry-After": "1"})]
    began = time.monotonic()
    assert send(session).status == 200
    assert time.monotonic() - began >= 1


def test_a_longer_retry_after_than_patience_is_final(session, script):
    script.answers = [(429, b"", {"Retry-After": "3600"})]
    began = time.monotonic()
    assert send(session).status == 429
    assert time.monotonic() - began < 1


def test_settings_come_from_the_environment(script):
    session = Session(script.url, env={"TIDEMILL_HTTP_TIMEOUT": "0.3", "TIDEMILL_HTTP_PATIENCE": "0"})
    script.answers = ["hang"]
    with pytest.raises(Unavailable, match=r"did not answer within 0\.3 s"):
        send(session)


def test_connections_are_kept(session, script):
    for _ in range(5):
        send(session)
    assert script.connections == 1
    session.close()
    send(session)
    assert script.connections == 2


def test_a_server_that_cannot_be_reached_is_named():
    with socket.socket() as place:
        place.bind(("127.0.0.1", 0))
        url = f"http://127.0.0.1:{place.getsockname()[1]}"
    with pytest.raises(Unavailable) as caught:
        send(Session(url, patience=0, env={}))
    assert str(caught.value) == f"Cannot reach the server at {url}: Connection refused."


@pytest.mark.parametrize(
    ("uri", "env", "sent"),
    [
        ("http://ann:p%40ss@host", {}, "Basic YW5uOnBAc3M="),
        ("http://host", {"MLFLOW_TRACKING_USERNAME": "ann", "MLFLOW_TRACKING_PASSWORD": "p@ss"}, "Basic YW5uOnBAc3M="),
        ("http://host", {"MLFLOW_TRACKING_TOKEN": "t0ken"}, "Bearer t0ken"),
        ("http://ann:p%40ss@host", {"MLFLOW_TRACKING_TOKEN": "t0ken"}, "Basic YW5uOnBAc3M="),
        ("http://host", {"MLFLOW_TRACKING_USERNAME": "ann"}, None),
        ("http://host", {}, None),
    ],
)
def test_credentials(uri, env, sent):
    address = parse_address(uri, env)
    assert address.authorization == sent
    assert address.base == "http://host"


def test_credentials_are_sent_and_never_shown(script, caplog):
    uri = script.url.replace("://", f"://ann:{SECRET}@")
    session = Session(uri, patience=0, timeout=0.3, env={})
    send(session)
    assert script.seen[0].headers["authorization"].startswith("Basic ")
    script.answers = ["drop", (302, b"", {"Location": "http://evil.example/"})]
    shown = [repr(session), repr(session.address)]
    for _ in range(2):
        with pytest.raises((Unavailable, InvalidParameter)) as caught:
            send(session)
        shown.append(str(caught.value) + repr(caught.value))
    assert not any(SECRET in text or "Basic" in text for text in [*shown, caplog.text])


@pytest.mark.parametrize(
    "uri",
    ["", "host:5000", "ftp://host", "http://", "http://[::1", "http://host:port", "http://host?x=1", "http://h#x"],
)
def test_wrong_addresses_are_refused(uri):
    with pytest.raises(InvalidParameter, match="The address of a server"):
        Session(uri, env={})


def test_an_address_is_kept_without_its_last_slash():
    assert parse_address("https://[::1]:8443/mill/", {}).base == "https://[::1]:8443/mill"


@pytest.mark.parametrize(("status", "verb"), [(301, "GET"), (302, "GET"), (307, "GET"), (307, "POST"), (308, "POST")])
def test_redirects_on_the_same_server_are_followed(session, script, status, verb):
    script.answers = [(status, b"", {"Location": "/elsewhere?y=1"})]
    assert send(session, verb=verb).status == 200
    assert [(one.verb, one.path) for one in script.seen] == [(verb, "/x"), (verb, "/elsewhere?y=1")]
    assert script.seen[1].body == (b"{}" if verb == "POST" else b"")


@pytest.mark.parametrize("status", [301, 302, 303])
def test_a_redirect_that_would_lose_the_body_is_an_error(session, script, status):
    script.answers = [(status, b"", {"Location": "/elsewhere"})]
    with pytest.raises(InvalidParameter, match="sends POST requests on to"):
        send(session)


def test_redirects_to_other_servers_are_an_error(session, script, another_script):
    script.answers = [(307, b"", {"Location": another_script.url + "/x?secret=1"})]
    with pytest.raises(InvalidParameter, match=f"on to {another_script.url}/x"):
        send(session, verb="GET")
    assert not another_script.seen


def test_redirects_in_a_circle_end(session, script):
    script.answers = [(302, b"", {"Location": "/x"})] * 20
    with pytest.raises(InvalidParameter):
        send(session, verb="GET")
    assert len(script.seen) == 5


@pytest.mark.parametrize("path", ["", "/", "a//b", "../a", "a/..", "a/./b", "/a", "a/"])
def test_paths_that_are_not_below_a_folder_are_refused(path):
    with pytest.raises(InvalidParameter):
        quote_path(path)


def test_paths_keep_their_names_byte_for_byte():
    assert quote_path("a b/50%/ü+#?/..b") == "a%20b/50%25/%C3%BC%2B%23%3F/..b"


@pytest.fixture(scope="module")
def certificate(tmp_path_factory):
    """A certificate for 127.0.0.1 that nobody but itself vouches for."""
    from cryptography import x509
    from cryptography.hazmat.primitives import hashes, serialization
    from cryptography.hazmat.primitives.asymmetric import ec
    from cryptography.x509.oid import NameOID

    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "127.0.0.1")])
    now = datetime.datetime.now(datetime.UTC)
    made = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(now - datetime.timedelta(days=1))
        .not_valid_after(now + datetime.timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.IPAddress(ipaddress.ip_address("127.0.0.1"))]), False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), True)
        .sign(key, hashes.SHA256())
    )
    file = tmp_path_factory.mktemp("tls") / "both.pem"
    file.write_bytes(
        key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
        + made.public_bytes(serialization.Encoding.PEM)
    )
    return file


@pytest.fixture
def secure(certificate):
    """The address of a TLS server that answers `{}`."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate)
    listener = socket.create_server(("127.0.0.1", 0))

    def serve():
        while True:
            try:
                connection, _ = listener.accept()
            except OSError:
                return
            try:
                with context.wrap_socket(connection, server_side=True) as safe:
                    data = b""
                    while not data.endswith(b"{}") and (more := safe.recv(65536)):
                        data += more
                    safe.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nConnection: close\r\n\r\n{}")
            except OSError:
                connection.close()

    thread = threading.Thread(target=serve, daemon=True)
    thread.start()
    yield f"https://127.0.0.1:{listener.getsockname()[1]}"
    listener.shutdown(socket.SHUT_RDWR)
    listener.close()
    thread.join(5)


def test_a_certificate_nobody_vouches_for_is_refused_at_once(secure):
    began = time.monotonic()
    with pytest.raises(Unavailable, match="MLFLOW_TRACKING_SERVER_CERT_PATH"):
        send(Session(secure, patience=30, env={}))
    assert time.monotonic() - began < 5


def test_a_certificate_that_is_named_is_trusted(secure, certificate):
    assert send(Session(secure, patience=0, env={"MLFLOW_TRACKING_SERVER_CERT_PATH": str(certificate)})).status == 200


def test_checking_certificates_can_be_switched_off(secure):
    assert send(Session(secure, patience=0, env={"MLFLOW_TRACKING_INSECURE_TLS": "true"})).status == 200
