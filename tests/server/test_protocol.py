"""The protocol below the app: what leaves in one write, and heads without end."""

import asyncio

import pytest

from tidemill.http.protocol import OneWrite


class Sink(asyncio.Transport):
    """A transport that notes what is written to it."""

    def __init__(self):
        super().__init__()
        self.written, self.ended = [], ""

    def write(self, data):
        self.written.append(bytes(data))

    def close(self):
        self.ended = "closed"

    def abort(self):
        self.ended = "aborted"

    def is_closing(self):
        return bool(self.ended)


def on_loop(work):
    async def run():
        sink = Sink()
        await work(OneWrite(sink, asyncio.get_running_loop()))
        return sink

    return asyncio.run(run())


HEAD = b"HTTP/1.1 200 OK\r\n\r\n"


def test_head_and_body_leave_together():
    async def work(transport):
        transport.write(HEAD)
        transport.write(b"{}")
        await asyncio.sleep(0)
        transport.write(b"more")

    assert on_loop(work).written == [HEAD + b"{}", b"more"]


def test_a_head_without_a_body_leaves_in_the_same_round():
    async def work(transport):
        transport.write(HEAD)
        await asyncio.sleep(0)
        await asyncio.sleep(0)
        transport.write(b"late")

    assert on_loop(work).written == [HEAD, b"late"]


def test_a_large_body_is_not_copied_behind_the_head():
    body = b"x" * 100_000

    async def work(transport):
        transport.write(HEAD)
        transport.write(body)

    assert on_loop(work).written == [HEAD, body]


def test_100_continue_is_not_held_back():
    async def work(transport):
        transport.write(b"HTTP/1.1 100 Continue\r\n\r\n")

    assert on_loop(work).written == [b"HTTP/1.1 100 Continue\r\n\r\n"]


@pytest.mark.parametrize(("ending", "written"), [("close", [HEAD]), ("abort", [])])
def test_closing_sends_what_is_held_and_aborting_does_not(ending, written):
    async def work(transport):
        transport.write(HEAD)
        getattr(transport, ending)()
        assert transport.is_closing()

    assert on_loop(work).written == written


def test_an_answer_arrives_in_one_piece(server):
    with server.connect() as connection:
        for _ in range(50):
            connection.sendall(b"GET /health HTTP/1.1\r\nHost: localhost\r\n\r\n")
            assert connection.recv(65536).endswith(b"\r\n\r\nOK")


@pytest.mark.parametrize("start", [b"GET /", b"GET / HTTP/1.1\r\nX: ", b"GET / HTTP/1.1\r\n"])
def test_a_head_without_end_is_refused(server, start):
    filler = b"a: b\r\n" * 2000 if start.endswith(b"\n") else b"a" * 10_000
    received = b""
    with server.connect() as connection:
        connection.sendall(start)
        try:
            for _ in range(200):
                connection.sendall(filler)
        except OSError:
            pass
        try:
            received = connection.recv(65536)
        except ConnectionResetError:
            received = b""
    assert b" 200 " not in received
    assert server.ask("GET", "/health").status == 200


def test_a_long_but_finite_head_is_answered(server):
    assert server.ask("GET", "/health", headers={"X": "a" * 30_000}).status == 200


@pytest.mark.parametrize("line", [b"nonsense\r\n\r\n", b"GET /health HTTP/9.9\r\n\r\n"])
def test_what_is_no_request_is_a_400(server, line):
    with server.connect() as connection:
        connection.sendall(line)
        assert connection.recv(65536).startswith(b"HTTP/1.1 400")
