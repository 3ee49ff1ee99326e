"""One big file through the artifact proxy, up and down: MB/s, and how much the server's memory grew.

    python benchmarks/artifacts.py [--mb 1024] [--peers mlflow] [--env mlflow=/path/venv]

The client is this script (plain sockets, one connection), the same for every server. Needs Linux (/proc) for memory.
"""

import argparse
import http.client
import os
import socket
import sys
import time
from pathlib import Path
from urllib.parse import urlsplit

from servers import environment, running

PATH = "/api/2.0/mlflow-artifacts/artifacts/bench/big.bin"
PIECE = os.urandom(1 << 20)


def peak_mb(group: int) -> float:
    """The largest resident size that any process of a group ever had, in MB, added up."""
    total = 0
    for entry in Path("/proc").iterdir():
        try:
            if entry.name.isdigit() and os.getpgid(int(entry.name)) == group:
                status = (entry / "status").read_text()
                total += int(status.partition("VmHWM:")[2].split()[0])
        except (OSError, IndexError):
            continue
    return total / 1024


def upload(url: str, mb: int) -> float:
    """Seconds for a PUT of `mb` MiB."""
    at = urlsplit(url)
    start = time.perf_counter()
    with socket.create_connection((at.hostname or "", at.port or 80)) as connection:
        head = f"PUT {PATH} HTTP/1.1\r\nHost: {at.netloc}\r\nContent-Length: {mb << 20}\r\nConnection: close\r\n"
        connection.sendall(f"{head}Content-Type: application/octet-stream\r\n\r\n".encode())
        for _ in range(mb):
            connection.sendall(PIECE)
        answer = connection.recv(65536)
    if b" 200 " not in answer.partition(b"\r\n")[0]:
        raise SystemExit(f"the upload failed: {answer!r}")
    return time.perf_counter() - start


def download(url: str, mb: int) -> float:
    """Seconds for a GET of the same file."""
    at = urlsplit(url)
    start = time.perf_counter()
    connection = http.client.HTTPConnection(at.hostname or "", at.port)
    connection.request("GET", PATH)
    answer = connection.getresponse()
    buffer, got = bytearray(1 << 20), 0
    while count := answer.readinto(buffer):
        got += count
    connection.close()
    if got != mb << 20:
        raise SystemExit(f"the download gave {got} bytes")
    return time.perf_counter() - start


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--mb", type=int, default=1024)
    parser.add_argument("--peers", nargs="*", default=["mlflow"])
    parser.add_argument("--env", action="append", default=[], metavar="NAME=PATH")
    args = parser.parse_args()
    given = {name: Path(path) for name, _, path in (item.partition("=") for item in args.env)}
    print(
        f"| {args.mb} MiB through the proxy | upload MB/s | download MB/s | memory grown by MB |\n|---|---:|---:|---:|"
    )
    for name in ["tidemill", *args.peers]:
        with running(name, environment(name, given)) as (url, started):
            before = peak_mb(int(started["pid"]))
            rates = []
            for move in (upload, download):
                best = min(move(url, args.mb) for _ in range(2))
                rates.append(args.mb * 1.048576 / best)
            grown = peak_mb(int(started["pid"])) - before
        print(f"| {name} | {rates[0]:,.0f} | {rates[1]:,.0f} | {grown:,.0f} |", flush=True)


if __name__ == "__main__":
    sys.exit(main())
