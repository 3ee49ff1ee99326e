"""The way out: schemes, addresses, name tricks, redirects, limits of time and size."""

import socket
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager

import pytest

from tidemill.errors import InvalidParameter, Unavailable
from tidemill.events.egress import Egress, Forbidden, Rules, is_public
from tidemill.testing.receiver import receiver

LOOSE = Rules(("http", "https"), private=True, timeout_s=1.0, most_body=1000)


_made: list[Egress] = []


def fresh() -> Egress:
    """An egress that may call this machine."""
    _made.append(Egress(LOOSE))
    return _made[-1]


@pytest.fixture(autouse=True)
def closed() -> Iterator[None]:
    yield
    while _made:
        _made.pop().close()


@contextmanager
def scripted(*answers: bytes, pause: float = 0.0) -> Iterator[str]:
    """A server that sends these bytes, one answer a connection, and counts nothing."""
    with socket.create_server(("127.0.0.1", 0)) as listening:
        stop = threading.Event()

        def serve() -> None:
            for answer in answers:
                try:
                    connection, _ = listening.accept()
                except OSError:
                    return
                with connection:
                    connection.settimeout(5)
                    try:
                        connection.recv(65536)
                        for start in range(0, len(answer), 1 if pause else len(answer) or 1):
                            connection.sendall(answer[start : start + (1 if pause else len(answer))])
                            if pause and stop.wait(pause):
                                return
                        if not answer:
                            stop.wait(5)
                    except OSError:
                        continue

        thread = threading.Thread(target=serve, daemon=True)
        thread.start()
        yield f"http://127.0.0.1:{listening.getsockname()[1]}/x"
        stop.set()
    thread.join(5)


@pytest.mark.parametrize(
    "address",
    ["127.0.0.1", "10.1.2.3", "172.16.0.1", "192.168.1.1", "169.254.169.254", "100.64.0.1", "0.0.0.0", "224.0.0.1",
     "255.255.255.255", "::1", "::", "fe80::1", "fe80::1%eth0", "fc00::1", "::ffff:127.0.0.1", "::ffff:10.0.0.1",
     "2002:7f00:1::", "64:ff9b::7f00:1", "ff02::1", "240.0.0.1", "nonsense"],
)  # fmt: skip
def test_what_is_not_public(address: str) -> None:
    assert not is_public(address)


@pytest.mark.parametrize(
    "address", ["8.8.8.8", "1.1.1.1", "2606:4700:4700::1111", "::ffff:8.8.8.8", "64:ff9b::808:808"]
)
def test_what_is_public(address: str) -> None:
    assert is_public(address)


@pytest.mark.parametrize(
    ("url", "text"),
    [
        ("   ", "Webhook URL cannot be empty or just whitespace: '   '"),
        ("http://example.org/", "Invalid webhook URL scheme: 'http'. Allowed schemes are: https."),
        ("ftp://example.org/", "Invalid webhook URL scheme: 'ftp'. Allowed schemes are: https."),
        ("file:///etc/passwd", "Invalid webhook URL scheme: 'file'. Allowed schemes are: https."),
        ("https:///path", "Webhook URL must include a hostname: 'https:///path'"),
        ("https://[invalid", "Invalid webhook URL 'https://[invalid': "),
        ("https://user:word@example.org/", "Webhook URL must not hold a login"),
        ("https://127.0.0.1/", "Webhook URL must not resolve to a non-public IP address."),
        ("https://localhost/", "Webhook URL must not resolve to a non-public IP address."),
        ("https://2130706433/", "Webhook URL must not resolve to a non-public IP address."),
        ("https://0x7f.1/", "Webhook URL must not resolve to a non-public IP address."),
        ("https://[::1]/", "Webhook URL must not resolve to a non-public IP address."),
        ("https://[::ffff:169.254.169.254]/", "Webhook URL must not resolve to a non-public IP address."),
        ("https://no-such-host.invalid/", "Cannot resolve Webhook URL hostname 'no-such-host.invalid': "),
        ("https://example.org/a b", "Invalid webhook URL 'https://example.org/a b': "),
        ("https://example.org/a\r\nX: y", "Invalid webhook URL "),
    ],
)
def test_addresses_that_are_refused(url: str, text: str) -> None:
    egress = Egress(Rules())
    for attempt in (lambda: egress.check(url), lambda: egress.call(url, b"")):
        with pytest.raises(InvalidParameter) as caught:
            attempt()
        if "\r" not in url:  # the standard library drops line ends in some places of an address
            assert str(caught.value).startswith(text)


def test_one_private_address_among_public_ones_is_enough() -> None:
    egress = Egress(Rules(), resolve=lambda host, port: ["8.8.8.8", "10.0.0.1"])
    with pytest.raises(Forbidden, match=r"'example.org' resolves to 10.0.0.1"):
        egress.check("https://example.org/")


class Rebinding:
    """A name server that gives a public address when asked first, and this machine's afterwards."""

    def __init__(self, later: str = "127.0.0.1") -> None:
        self.asked = 0
        self.later = later

    def __call__(self, host: str, port: int) -> Sequence[str]:
        self.asked += 1
        return ["8.8.8.8"] if self.asked == 1 else [self.later]


def test_a_name_that_changes_between_check_and_call() -> None:
    """Security case 25: the address that was looked at is the one that is called."""
    with receiver() as inside:
        port = inside.url.rpartition(":")[2].partition("/")[0]
        url = f"http://rebind.example:{port}/"
        egress = Egress(Rules(("http",)), resolve=Rebinding())
        egress.check(url)
        with pytest.raises(Forbidden, match="non-public"):
            egress.call(url, b"{}")
        assert inside.calls == []


def test_the_connected_peer_is_looked_at(monkeypatch: pytest.MonkeyPatch) -> None:
    """Even where the system leads a public address to this machine (by a route, say), nothing is sent."""
    with receiver() as inside:
        port = int(inside.url.rpartition(":")[2].partition("/")[0])
        real = socket.create_connection
        monkeypatch.setattr(socket, "create_connection", lambda address, *more: real(("127.0.0.1", port), *more))
        egress = Egress(Rules(("http",)), resolve=lambda host, port: ["8.8.8.8"])
        with pytest.raises(Forbidden, match=r"leads to 127.0.0.1"):
            egress.call(f"http://example.org:{port}/", b"{}")
        assert inside.calls == []


def test_redirects_are_not_followed() -> None:
    with receiver() as other, receiver() as first:
        first.answer = lambda call: (302, {"Location": other.url}, b"")
        reply = fresh().call(first.url, b"{}")
        assert reply.status == 302
        assert other.calls == []


def test_connections_are_used_again_and_replaced_when_they_are_gone() -> None:
    egress = fresh()
    with receiver() as inside:
        port = int(inside.url.rpartition(":")[2].partition("/")[0])
        for _ in range(3):
            assert egress.call(inside.url, b"{}").status == 200
        assert sum(map(len, egress._idle.values())) == 1
        url = inside.url
    # The receiver closed all its connections when it was stopped; another one stands there now.
    with receiver(port=port) as again:
        assert egress.call(url, b"{}").status == 200
        assert len(again.calls) == 1


def elapsed(call: Callable[[], object]) -> float:
    begun = time.monotonic()
    with pytest.raises(Unavailable):
        call()
    return time.monotonic() - begun


def test_time_is_limited_as_a_whole() -> None:
    with scripted(b"") as silent:
        assert elapsed(lambda: fresh().call(silent, b"")) < 1.6
    drip = b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello"
    with scripted(drip, pause=0.1) as slow:
        assert elapsed(lambda: fresh().call(slow, b"")) < 1.6


def test_size_is_limited() -> None:
    with scripted(b"HTTP/1.1 200 OK\r\nContent-Length: 99999999\r\n\r\n" + b"x" * 5000) as endless:
        reply = fresh().call(endless, b"")
        assert (len(reply.body), reply.truncated, reply.status) == (1000, True, 200)
    with scripted(b"HTTP/1.1 200 OK\r\n" + b"X: y\r\n" * 20_000) as heads:
        assert elapsed(lambda: fresh().call(heads, b"")) < 1.6


@pytest.mark.parametrize(
    ("answer", "status", "body"),
    [
        (b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 201 Created\r\nContent-Length: 2\r\n\r\nok", 201, b"ok"),
        (b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nok\r\n0\r\n\r\n", 200, b"ok"),
        (b"HTTP/1.0 200 OK\r\n\r\nuntil the end", 200, b"until the end"),
        (b"HTTP/1.1 204 No Content\r\n\r\n", 204, b""),
    ],
)
def test_forms_of_answers(answer: bytes, status: int, body: bytes) -> None:
    with scripted(answer) as url:
        reply = fresh().call(url, b"")
        assert (reply.status, reply.body) == (status, body)


@pytest.mark.parametrize(
    "answer", [b"nonsense\r\n\r\n", b"HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nshort", b"HTTP/1.1 2"]
)
def test_broken_answers(answer: bytes) -> None:
    with scripted(answer) as url, pytest.raises(Unavailable):
        fresh().call(url, b"")


def test_headers_hold_no_line_ends() -> None:
    with pytest.raises(Forbidden):
        fresh().call("http://127.0.0.1:1/", b"", {"X": "a\r\nY: b"})


def test_nobody_there() -> None:
    with pytest.raises(Unavailable, match="cannot be reached"):
        fresh().call("http://127.0.0.1:1/", b"")
