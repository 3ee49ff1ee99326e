"""What a server is started with."""

from dataclasses import dataclass

from tidemill.errors import InvalidParameter
from tidemill.http.logs import LOG_LEVELS
from tidemill.http.sockets import is_loopback


@dataclass(frozen=True, slots=True)
class ServerConfig:
    """How to serve. `docs/reference/server.md` describes each field from the command line's side.

    `store` is an SQLite file or a database address, `artifacts` where proxied bytes lie (folder or address),
    `artifact_root` the address under which new experiments are placed. `port` 0 takes any free port. `workers` is the
    number of processes, `threads` how many slow operations one process carries out at a time. `body_limit` is the
    largest JSON body in bytes, after decompression. `allowed_hosts` and `allowed_origins` add to the local names that
    are always answered; `*` allows any. `allowed_artifacts` are further addresses below which this server may open
    artifacts of experiments that name a place of their own. `log_level` is one of debug, info, warning and error;
    `access_log` notes every request at info. `drain_seconds` is how long running requests may take when the server stops.
    `triggers` is the file that says what is run when something happens; empty for none.
    """

    host: str = "127.0.0.1"
    port: int = 5000
    store: str = ".tidemill/tidemill.db"
    artifacts: str = ".tidemill/artifacts"
    artifact_root: str = "mlflow-artifacts:/"
    workers: int = 1
    threads: int = 8
    static_prefix: str = ""
    body_limit: int = 64 * 2**20
    allowed_hosts: tuple[str, ...] = ()
    allowed_origins: tuple[str, ...] = ()
    allowed_artifacts: tuple[str, ...] = ()
    allow_unauthenticated: bool = False
    access_log: bool = False
    log_level: str = "info"
    drain_seconds: float = 10.0
    triggers: str = ""


def check_config(config: ServerConfig) -> None:
    """Refuse a configuration that cannot or must not be served. Raises InvalidParameter."""
    if config.workers < 1 or config.threads < 1:
        raise InvalidParameter("A server needs at least one worker and one thread.")
    if not 0 <= config.port <= 65535:
        raise InvalidParameter(f"Port {config.port} does not exist; choose one from 1 to 65535, or 0 for any free one.")
    if config.body_limit < 1:
        raise InvalidParameter("The body limit must be at least one byte.")
    if config.log_level not in LOG_LEVELS:
        raise InvalidParameter(f"There is no log level '{config.log_level}'; choose one of {', '.join(LOG_LEVELS)}.")
    if not is_loopback(config.host) and not config.allow_unauthenticated:
        raise InvalidParameter(
            f"Refusing to listen on {config.host}: everyone who can reach this machine could read and delete "
            "everything, because this server asks nobody for a password. Listen on 127.0.0.1 (the default) behind a "
            "proxy that authenticates, or pass --allow-unauthenticated if the network itself keeps strangers out."
        )


def clean_prefix(prefix: str) -> str:
    """A static prefix in the one form used inside: empty, or with a leading and without a trailing slash."""
    inner = prefix.strip("/")
    return f"/{inner}" if inner else ""
