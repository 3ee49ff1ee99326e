"""Listening sockets, made by us.

uvicorn's own way of making them for several workers leaves the protocol number at 0; asyncio then never turns Nagle's
algorithm off, and every answer on a kept connection waits some 40 ms for the client's delayed acknowledgement
(uvicorn #3149). Ours are TCP by name, and the option is set here already, from where accepted connections inherit it.
"""

import contextlib
import errno
import ipaddress
import socket
import sys

from tidemill.errors import InvalidParameter, PermissionDenied, TidemillError, Unavailable

BACKLOG = 2048


def listen(host: str, port: int) -> list[socket.socket]:
    """Sockets that listen on every address `host` stands for, all on one port; `port` 0 takes a free one.

    Raises InvalidParameter (no such host), PermissionDenied (a port below 1024) and Unavailable (in use already).
    """
    try:
        found = socket.getaddrinfo(host.strip("[]"), port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)
    except (OSError, UnicodeError) as error:
        raise InvalidParameter(f"Cannot listen on host '{host}': {error}. Use an address of this machine.") from None
    sockets: list[socket.socket] = []
    failure: OSError | None = None
    for family, _, _, _, address in dict.fromkeys(found):
        where = (address[0], sockets[0].getsockname()[1] if sockets else port, *address[2:])
        try:
            sockets.append(_listen(family, where))
        except OSError as error:
            if error.errno not in (errno.EADDRNOTAVAIL, errno.EAFNOSUPPORT):
                close(sockets)
                raise _translated(error, host, port) from None
            failure = error
    if not sockets:
        raise _translated(failure or OSError("no address"), host, port)
    return sockets


def _listen(family: int, address: tuple[object, ...]) -> socket.socket:
    made = socket.socket(family, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    try:
        if sys.platform != "win32":
            made.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        made.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        if family == socket.AF_INET6:
            made.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
        made.bind(address)
        # At once: a port that is only bound could be bound a second time.
        made.listen(BACKLOG)
        made.setblocking(False)
    except BaseException:
        made.close()
        raise
    return made


def _translated(error: OSError, host: str, port: int) -> TidemillError:
    if error.errno == errno.EADDRINUSE:
        return Unavailable(
            f"Port {port} on {host} is in use already. Stop the program that uses it, or choose another port."
        )
    if error.errno == errno.EACCES:
        return PermissionDenied(f"Only an administrator may listen on port {port}. Choose a port above 1023.")
    return InvalidParameter(f"Cannot listen on {host} port {port}: {error.strerror or error}.")


def close(sockets: list[socket.socket]) -> None:
    """Close them all."""
    for one in sockets:
        with contextlib.suppress(OSError):
            one.close()


def url_of(host: str, sockets: list[socket.socket]) -> str:
    """The address to open in a browser on this machine."""
    name = host.strip("[]")
    if name in ("0.0.0.0", "::", ""):  # noqa: S104 (shown, not bound)
        name = "127.0.0.1"
    return f"http://{f'[{name}]' if ':' in name else name}:{sockets[0].getsockname()[1]}"


def is_loopback(host: str) -> bool:
    """Whether only this machine can reach `host`."""
    if host.lower() == "localhost":
        return True
    try:
        return ipaddress.ip_address(host.strip("[]")).is_loopback
    except ValueError:
        return False
