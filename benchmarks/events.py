"""How many events a second reach a receiver on this machine, and how long one takes to get there.

    python benchmarks/events.py [--events 5000] [--subjects 500] [--store ADDRESS]

A server of Tidemill, a receiver in a process of its own (a bare asyncio server that answers 200 and counts), one webhook
with a secret. First a backlog: events that were written while no server ran, about so many subjects. Then the way of single
events: from the commit of a run's creation, over HTTP, to its arrival.
"""

import argparse
import json
import multiprocessing
import os
import statistics
import tempfile
import time
from pathlib import Path
from typing import Any

from tidemill.api import runs, webhooks
from tidemill.store.outbox import emit
from tidemill.testing.databases import embedded
from tidemill.testing.receiver import ALLOWED
from tidemill.testing.server import server_process
from tidemill.transport.http import HttpBackend
from tidemill.types.runs import CreateRun
from tidemill.types.webhooks import CreateWebhook

KEY = {"TIDEMILL_SECRET_KEY": "for benchmarks only and of forty characters"}


def receive(port: Any, seen: Any, newest: Any) -> None:
    """Count deliveries; note when the newest came and which."""
    import asyncio

    ids: set[bytes] = set()

    class Hook(asyncio.Protocol):
        def connection_made(self, transport: Any) -> None:
            self.transport, self.data = transport, b""

        def data_received(self, data: bytes) -> None:
            self.data += data
            while b"\r\n\r\n" in self.data:
                head, _, rest = self.data.partition(b"\r\n\r\n")
                length = int(head.lower().partition(b"content-length: ")[2].partition(b"\r\n")[0])
                if len(rest) < length:
                    return
                self.data = rest[length:]
                ids.add(head.partition(b"X-MLflow-Delivery-Id: ")[2][:36])
                seen.value = len(ids)
                newest.value = time.monotonic()
                self.transport.write(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n")

    async def main() -> None:
        server = await asyncio.get_running_loop().create_server(Hook, "127.0.0.1", 0)
        port.value = server.sockets[0].getsockname()[1]
        await server.serve_forever()

    asyncio.run(main())


def wait(seen: Any, count: int) -> None:
    deadline = time.monotonic() + 120
    while seen.value < count:
        if time.monotonic() > deadline:
            raise SystemExit(f"only {seen.value} of {count} events arrived")
        time.sleep(0.0005)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--events", type=int, default=5000)
    parser.add_argument("--subjects", type=int, default=500)
    parser.add_argument("--store", default="")
    options = parser.parse_args()
    os.environ.update({**ALLOWED, **KEY})
    port, seen, newest = (multiprocessing.Value(kind, 0) for kind in "iid")
    receiver = multiprocessing.Process(target=receive, args=(port, seen, newest), daemon=True)
    receiver.start()
    while not port.value:
        time.sleep(0.01)
    with tempfile.TemporaryDirectory() as folder:
        store = options.store or str(Path(folder, "bench.db"))
        with embedded(store, Path(folder, "artifacts")) as backend:
            hook = CreateWebhook(name="bench", url=f"http://127.0.0.1:{port.value}/", kinds=["*"], secret="s3cret")
            backend.call(webhooks.create, hook)

            def write(tx: Any) -> None:
                for number in range(options.events):
                    data = {"run_id": f"{number:032}", "status": "FINISHED", "number": number}
                    emit(tx, "run.finished", f"run/{number % options.subjects}", data)

            backend.database.write(backend.site, write)
        with server_process(store, Path(folder, "artifacts")) as server:
            wait(seen, 1)
            begun, first = time.monotonic(), seen.value
            wait(seen, options.events)
            rate = (options.events - first) / (newest.value - begun)
            remote = HttpBackend(server.address)
            ways = []
            for _ in range(100):
                count = seen.value
                remote.call(runs.create, CreateRun("0", start_time=1))
                done = time.monotonic()
                wait(seen, count + 1)
                ways.append(max(newest.value - done, 0.0) * 1000)
            remote.close()
    receiver.terminate()
    result = {
        "events": options.events,
        "delivered_per_s": round(rate),
        "way_median_ms": round(statistics.median(ways), 1),
        "way_p99_ms": round(sorted(ways)[98], 1),
    }
    print(json.dumps(result))


if __name__ == "__main__":
    main()
