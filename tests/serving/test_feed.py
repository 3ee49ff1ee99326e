"""The event feed as an alarm: heard at once, resumed by the last id, and missed without harm."""

import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from tidemill.serving import feed
from tidemill.serving.feed import Feed
from tidemill.transport.http import HttpBackend


class Server(ThreadingHTTPServer):
    """A feed that says what the test tells it to."""

    daemon_threads = True

    def __init__(self):
        self.asked, self.status = [], 200
        self.say = threading.Semaphore(0)

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self):
                server = self.server
                server.asked.append((self.path, self.headers.get("Last-Event-ID")))
                self.send_response(server.status)
                self.send_header("Content-Type", "text/event-stream")
                self.send_header("Connection", "close")
                self.end_headers()
                if server.status != 200:
                    return
                self.wfile.write(b"retry: 2000\n\n: nothing new\n\n")
                for number in (7, 8):
                    server.say.acquire()
                    self.wfile.write(b'id: %d\ndata: {"subject": "registered_model/m"}\n\n' % number)
                    self.wfile.flush()

            def log_message(self, *about):
                pass

        super().__init__(("127.0.0.1", 0), Handler)
        threading.Thread(target=self.serve_forever, daemon=True).start()

    @property
    def address(self):
        return f"http://127.0.0.1:{self.server_port}"


@pytest.fixture
def server():
    made = Server()
    yield made
    made.say.release(100)
    made.shutdown()
    made.server_close()


def test_alarms(server, monkeypatch, tools):
    monkeypatch.setattr(feed, "_FIRST_PAUSE", 0.05)
    alarms = threading.Semaphore(0)
    backend = HttpBackend(server.address, patience=0)
    one = Feed(backend, frozenset({"m", "b c"}), alarms.release)
    try:
        assert alarms.acquire(timeout=10)  # connected: something may have been missed
        assert server.asked == [(feed.PATH + "?subject=registered_model%2Fb+c&subject=registered_model%2Fm", None)]
        server.say.release()
        assert alarms.acquire(timeout=10)
        server.say.release()
        assert alarms.acquire(timeout=10)
        tools.until(lambda: len(server.asked) == 2)  # the connection ended; it goes on after the last event
        assert server.asked[1][1] == "8"
    finally:
        one.stop()
        server.say.release(10)
        backend.close()


def test_servers_without_a_feed_are_left_alone(server):
    server.status = 404
    alarms = threading.Semaphore(0)
    backend = HttpBackend(server.address, patience=0)
    one = Feed(backend, frozenset({"m"}), alarms.release)
    assert not alarms.acquire(timeout=0.5)
    assert len(server.asked) == 1
    one.stop()
    backend.close()
