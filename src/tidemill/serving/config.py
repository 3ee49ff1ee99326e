"""What a serving process is started with."""

from dataclasses import dataclass

from tidemill.errors import InvalidParameter
from tidemill.http.logs import LOG_LEVELS
from tidemill.http.sockets import is_loopback


@dataclass(frozen=True, slots=True)
class ServingConfig:
    """How to serve. `docs/reference/serving.md` describes each field from the command line's side.

    `models` are addresses, each perhaps with a name before it (`fraud=models:/fraud@champion`). `canaries` and `shadows`
    are `name=address`, of canaries with `:percent` behind. `store` is the address of the registry. `tokens` may ask for
    predictions, `admin_tokens` may also roll back; empty: nobody is asked for one. Times are seconds, sizes bytes.
    `rate` is requests a second of one client, 0: any. `log_folder` keeps what was asked and answered, empty: nowhere.
    """

    models: tuple[str, ...] = ()
    canaries: tuple[str, ...] = ()
    shadows: tuple[str, ...] = ()
    store: str = ""
    host: str = "127.0.0.1"
    port: int = 5001
    tokens: tuple[str, ...] = ()
    admin_tokens: tuple[str, ...] = ()
    allow_unauthenticated: bool = False
    allowed_hosts: tuple[str, ...] = ()
    allowed_origins: tuple[str, ...] = ()
    isolate: bool = False
    allow_pickle: bool = False
    latency_target: float = 0.02
    timeout: float = 30.0
    most_wait: float = 5.0
    most_rows: int = 4096
    lanes: int = 1
    batch: str = "auto"
    body_limit: int = 64 * 2**20
    concurrency: int = 2048
    rate: float = 0.0
    body_seconds: float = 30.0
    poll_seconds: float = 5.0
    cache: str = ""
    log_folder: str = ""
    log_sample: float = 1.0
    log_bytes: int = 64 * 1024
    log_redact: tuple[str, ...] = ()
    log_seconds: float = 10.0
    drain_seconds: float = 10.0
    access_log: bool = False
    log_level: str = "info"


def check_config(config: ServingConfig) -> None:
    """Refuse what cannot or must not be served. Raises InvalidParameter."""
    if not config.models:
        raise InvalidParameter("Name at least one model to serve, such as models:/fraud@champion or a folder.")
    if config.log_level not in LOG_LEVELS:
        raise InvalidParameter(f"There is no log level '{config.log_level}'; choose one of {', '.join(LOG_LEVELS)}.")
    if config.batch not in ("auto", "on", "off"):
        raise InvalidParameter("Batching is one of auto, on and off.")
    if min(config.latency_target, config.timeout, config.most_wait, config.poll_seconds, config.body_seconds) <= 0:
        raise InvalidParameter("Times must be more than 0 seconds.")
    if min(config.body_limit, config.concurrency, config.most_rows, config.lanes) < 1:
        raise InvalidParameter("Limits must be at least 1.")
    if not 0 <= config.log_sample <= 1:
        raise InvalidParameter("The share of requests to log lies between 0 and 1.")
    if not is_loopback(config.host) and not config.tokens and not config.allow_unauthenticated:
        raise InvalidParameter(
            f"Refusing to listen on {config.host} without a token: everyone who can reach this machine could ask the "
            "models. Set TIDEMILL_SERVE_TOKENS or --token-file, or pass --allow-unauthenticated if the network itself "
            "keeps strangers out."
        )
