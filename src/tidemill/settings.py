"""Settings from the environment: each is one function here, read when asked for, and documented in docs/settings.md."""

import os
from collections.abc import Mapping, MutableMapping


def tracking_uri(env: Mapping[str, str] = os.environ) -> str | None:
    """Where to log: `TIDEMILL_URI`, else `MLFLOW_TRACKING_URI`, else None (the folder `./.tidemill`)."""
    return env.get("TIDEMILL_URI") or env.get("MLFLOW_TRACKING_URI") or None


def flag(name: str, default: bool, env: Mapping[str, str] = os.environ) -> bool:
    """A yes/no variable: `1 true yes on` and `0 false no off` in any case; anything else is the default."""
    text = env.get(name, "").strip().lower()
    if text in ("1", "true", "yes", "on"):
        return True
    if text in ("0", "false", "no", "off"):
        return False
    return default


def debug(env: Mapping[str, str] = os.environ) -> bool:
    """`TIDEMILL_DEBUG` (default false): commands show the traceback of an error instead of one line."""
    return flag("TIDEMILL_DEBUG", False, env)


def truncate_long_values(env: Mapping[str, str] = os.environ) -> bool:
    """`MLFLOW_TRUNCATE_LONG_VALUES` (default true): cut too long param and tag values instead of refusing them."""
    return flag("MLFLOW_TRUNCATE_LONG_VALUES", True, env)


def model_source_regex(env: Mapping[str, str] = os.environ) -> str | None:
    """`MLFLOW_CREATE_MODEL_VERSION_SOURCE_VALIDATION_REGEX` (default: anything): what a new version's source must match."""
    return env.get("MLFLOW_CREATE_MODEL_VERSION_SOURCE_VALIDATION_REGEX") or None


def experiment_name(env: Mapping[str, str] = os.environ) -> str | None:
    """`MLFLOW_EXPERIMENT_NAME`: the experiment of new runs where the script names none; made when missing."""
    return env.get("MLFLOW_EXPERIMENT_NAME") or None


def experiment_id(env: Mapping[str, str] = os.environ) -> str | None:
    """`MLFLOW_EXPERIMENT_ID`: as `experiment_name`, by id. `set_experiment` sets it for child processes."""
    return env.get("MLFLOW_EXPERIMENT_ID") or None


def take_run_id(env: MutableMapping[str, str] = os.environ) -> str | None:
    """`MLFLOW_RUN_ID`: the run that the first `start_run` resumes. Taken once, so that later ones start runs of their own."""
    return env.pop("MLFLOW_RUN_ID", None) or None


def capture(env: Mapping[str, str] = os.environ) -> bool:
    """`TIDEMILL_CAPTURE` (default true): note git commit, command line and installed packages with each new run."""
    return flag("TIDEMILL_CAPTURE", True, env)


def capture_code(env: Mapping[str, str] = os.environ) -> bool:
    """`TIDEMILL_CAPTURE_CODE` (default true): keep the uncommitted changes, a script that git does not know, and the cells
    of a notebook with each new run. `TIDEMILL_CAPTURE=0` switches this off as well.
    """
    return capture(env) and flag("TIDEMILL_CAPTURE_CODE", True, env)


def console(env: Mapping[str, str] = os.environ) -> bool:
    """`TIDEMILL_CONSOLE` (default false): keep what runs that are not nested print, as `start_run(log_console=True)` does."""
    return flag("TIDEMILL_CONSOLE", False, env)


def system_metrics(env: Mapping[str, str] = os.environ) -> bool:
    """`TIDEMILL_SYSTEM_METRICS`, else `MLFLOW_ENABLE_SYSTEM_METRICS_LOGGING` (default false): record the machine's load."""
    return flag("TIDEMILL_SYSTEM_METRICS", flag("MLFLOW_ENABLE_SYSTEM_METRICS_LOGGING", False, env), env)


def system_metrics_interval(env: Mapping[str, str] = os.environ) -> float:
    """`MLFLOW_SYSTEM_METRICS_SAMPLING_INTERVAL` (default 10, at least 0.1): seconds between samples of the machine's load."""
    return max(number("MLFLOW_SYSTEM_METRICS_SAMPLING_INTERVAL", 10.0, env), 0.1)


def system_metrics_samples(env: Mapping[str, str] = os.environ) -> int:
    """`MLFLOW_SYSTEM_METRICS_SAMPLES_BEFORE_LOGGING` (default 1): how many samples make one logged value, their mean."""
    return max(int(number("MLFLOW_SYSTEM_METRICS_SAMPLES_BEFORE_LOGGING", 1, env)), 1)


def system_metrics_node(env: Mapping[str, str] = os.environ) -> str | None:
    """`MLFLOW_SYSTEM_METRICS_NODE_ID`: the machine's name in the metrics, where several log to one run."""
    return env.get("MLFLOW_SYSTEM_METRICS_NODE_ID") or None


def artifact_folder(env: Mapping[str, str] = os.environ) -> str | None:
    """`TIDEMILL_ARTIFACTS`: where artifacts lie while a database is opened without a server.

    Default: the folder `artifacts` beside an SQLite file, `./.tidemill/artifacts` for PostgreSQL.
    """
    return env.get("TIDEMILL_ARTIFACTS") or None


def progress_bar(env: Mapping[str, str] = os.environ) -> bool:
    """`MLFLOW_ENABLE_ARTIFACTS_PROGRESS_BAR` (default true): show long transfers of artifacts on a terminal."""
    return flag("MLFLOW_ENABLE_ARTIFACTS_PROGRESS_BAR", True, env)


def number(name: str, default: float, env: Mapping[str, str] = os.environ) -> float:
    """A numeric variable, or the default where it is unset or not a number."""
    try:
        return float(env[name])
    except (KeyError, ValueError):
        return default


def s3_endpoint(env: Mapping[str, str] = os.environ) -> str | None:
    """Where S3 is: `MLFLOW_S3_ENDPOINT_URL`, else AWS's own variables (None leaves it to them)."""
    return env.get("MLFLOW_S3_ENDPOINT_URL") or env.get("AWS_ENDPOINT_URL_S3") or env.get("AWS_ENDPOINT_URL") or None


def s3_ignore_tls(env: Mapping[str, str] = os.environ) -> bool:
    """`MLFLOW_S3_IGNORE_TLS` (default false): do not check the certificate of the S3 endpoint."""
    return flag("MLFLOW_S3_IGNORE_TLS", False, env)


def sftp_login(env: Mapping[str, str] = os.environ) -> tuple[str | None, str | None, str | None, str | None]:
    """For `sftp:` addresses: `TIDEMILL_SFTP_USER`, `_PASSWORD`, `_KEY` (a file) and `_KNOWN_HOSTS` (a file).

    What is None comes from the address, from `~/.ssh` or from the SSH agent.
    """
    user, password, key, known_hosts = (
        env.get(f"TIDEMILL_SFTP_{name}") or None for name in ("USER", "PASSWORD", "KEY", "KNOWN_HOSTS")
    )
    return user, password, key, known_hosts


def ftp_login(env: Mapping[str, str] = os.environ) -> tuple[str | None, str | None]:
    """For `ftp:` and `ftps:` addresses: `TIDEMILL_FTP_USER` and `TIDEMILL_FTP_PASSWORD`."""
    return env.get("TIDEMILL_FTP_USER") or None, env.get("TIDEMILL_FTP_PASSWORD") or None


def http_timeout(env: Mapping[str, str] = os.environ) -> float:
    """`TIDEMILL_HTTP_TIMEOUT`, else `MLFLOW_HTTP_REQUEST_TIMEOUT` (default 60): seconds to wait for a server's answer."""
    return number("TIDEMILL_HTTP_TIMEOUT", number("MLFLOW_HTTP_REQUEST_TIMEOUT", 60.0, env), env)


def http_patience(env: Mapping[str, str] = os.environ) -> float:
    """`TIDEMILL_HTTP_PATIENCE` (default 60): seconds during which a call to a server that fails is tried again."""
    return number("TIDEMILL_HTTP_PATIENCE", 60.0, env)


def http_login(env: Mapping[str, str] = os.environ) -> tuple[str | None, str | None, str | None]:
    """`MLFLOW_TRACKING_USERNAME`, `MLFLOW_TRACKING_PASSWORD` and `MLFLOW_TRACKING_TOKEN`, for servers that ask."""
    return (
        env.get("MLFLOW_TRACKING_USERNAME") or None,
        env.get("MLFLOW_TRACKING_PASSWORD") or None,
        env.get("MLFLOW_TRACKING_TOKEN") or None,
    )


def http_insecure_tls(env: Mapping[str, str] = os.environ) -> bool:
    """`MLFLOW_TRACKING_INSECURE_TLS` (default false): do not check the server's certificate."""
    return flag("MLFLOW_TRACKING_INSECURE_TLS", False, env)


def http_certificates(env: Mapping[str, str] = os.environ) -> tuple[str | None, str | None]:
    """`MLFLOW_TRACKING_SERVER_CERT_PATH` (authorities to trust, a file or folder) and `MLFLOW_TRACKING_CLIENT_CERT_PATH`."""
    return env.get("MLFLOW_TRACKING_SERVER_CERT_PATH") or None, env.get("MLFLOW_TRACKING_CLIENT_CERT_PATH") or None


def sync(default: bool, env: Mapping[str, str] = os.environ) -> bool:
    """`TIDEMILL_SYNC`: 1: every call waits for the store; 0: it waits for the journal on the local disk only.

    Default: 0 for servers, 1 for databases that this process opens itself.
    """
    return flag("TIDEMILL_SYNC", default, env)


def offline(env: Mapping[str, str] = os.environ) -> bool:
    """`TIDEMILL_OFFLINE` (default false): keep everything in the journal and send nothing; see `tidemill sync`."""
    return flag("TIDEMILL_OFFLINE", False, env)


def journal_folder(env: Mapping[str, str] = os.environ) -> str | None:
    """`TIDEMILL_JOURNAL`: the folder of the journals. Default: `./.tidemill/journal`."""
    return env.get("TIDEMILL_JOURNAL") or None


def journal_bytes(env: Mapping[str, str] = os.environ) -> int:
    """`TIDEMILL_JOURNAL_GIB` (default 2): the most disk that the journals of one folder may take, in GiB."""
    return int(number("TIDEMILL_JOURNAL_GIB", 2.0, env) * 2**30)


def exit_wait(env: Mapping[str, str] = os.environ) -> float:
    """`TIDEMILL_EXIT_WAIT` (default 30): seconds that a program waits at its end for what it logged to be sent."""
    return number("TIDEMILL_EXIT_WAIT", 30.0, env)


def sender_linger(env: Mapping[str, str] = os.environ) -> float:
    """`TIDEMILL_SENDER_LINGER` (default 600): seconds that the sender goes on trying after the last program has ended."""
    return number("TIDEMILL_SENDER_LINGER", 600.0, env)


def webhook_schemes(env: Mapping[str, str] = os.environ) -> tuple[str, ...]:
    """`MLFLOW_WEBHOOK_ALLOWED_SCHEMES` (default `https`): the schemes that webhooks and triggers may call, with commas."""
    words = (word.strip().lower() for word in env.get("MLFLOW_WEBHOOK_ALLOWED_SCHEMES", "").split(","))
    return tuple(word for word in words if word) or ("https",)


def webhook_private(env: Mapping[str, str] = os.environ) -> bool:
    """`MLFLOW_WEBHOOK_ALLOW_PRIVATE_IPS` (default false): webhooks and triggers may call addresses that are not public."""
    return flag("MLFLOW_WEBHOOK_ALLOW_PRIVATE_IPS", False, env)


def webhook_timeout(env: Mapping[str, str] = os.environ) -> float:
    """`MLFLOW_WEBHOOK_REQUEST_TIMEOUT` (default 30): seconds for one call, from the connection to the answer's last byte."""
    return max(number("MLFLOW_WEBHOOK_REQUEST_TIMEOUT", 30.0, env), 0.1)


def webhook_retries(env: Mapping[str, str] = os.environ) -> int:
    """`MLFLOW_WEBHOOK_REQUEST_MAX_RETRIES` (default 16, about five hours): how often a failed delivery is tried again."""
    return max(int(number("MLFLOW_WEBHOOK_REQUEST_MAX_RETRIES", 16, env)), 0)


def webhook_workers(env: Mapping[str, str] = os.environ) -> int:
    """`MLFLOW_WEBHOOK_DELIVERY_MAX_WORKERS` (default 10): how many deliveries one process makes at a time."""
    return max(int(number("MLFLOW_WEBHOOK_DELIVERY_MAX_WORKERS", 10, env)), 1)


def secret_keys(env: Mapping[str, str] = os.environ) -> tuple[str, ...]:
    """`TIDEMILL_SECRET_KEY`, else `MLFLOW_WEBHOOK_SECRET_ENCRYPTION_KEY`: what secrets in the database are encrypted with.

    Several with commas: the first encrypts, each decrypts. Default: a file beside an SQLite database.
    """
    text = env.get("TIDEMILL_SECRET_KEY") or env.get("MLFLOW_WEBHOOK_SECRET_ENCRYPTION_KEY") or ""
    return tuple(word.strip() for word in text.split(",") if word.strip())


def event_days(env: Mapping[str, str] = os.environ) -> float:
    """`TIDEMILL_EVENTS_DAYS` (default 30): how long a server keeps events and ended deliveries; 0: for ever."""
    return max(number("TIDEMILL_EVENTS_DAYS", 30.0, env), 0.0)


def cache_folder(env: Mapping[str, str] = os.environ) -> str:
    """`TIDEMILL_CACHE`: where environments of projects and logs of their runs are kept.

    Default: `tidemill` in the user's cache folder (`XDG_CACHE_HOME`, else `~/.cache`).
    """
    own = env.get("XDG_CACHE_HOME") or os.path.join(os.path.expanduser("~"), ".cache")
    return os.path.abspath(env.get("TIDEMILL_CACHE") or os.path.join(own, "tidemill"))


def executors_file(env: Mapping[str, str] = os.environ) -> str | None:
    """`TIDEMILL_EXECUTORS`: the TOML file that names executors for projects. Default: `./executors.toml`, where it is."""
    return env.get("TIDEMILL_EXECUTORS") or None


def allow_pickle(env: Mapping[str, str] = os.environ) -> bool:
    """`TIDEMILL_ALLOW_PICKLE` (default false): load models that run code of their own as if each call had allowed it."""
    return flag("TIDEMILL_ALLOW_PICKLE", False, env)


def model_cache(env: Mapping[str, str] = os.environ) -> str:
    """The folder of downloaded models, below `TIDEMILL_CACHE`."""
    return os.path.join(cache_folder(env), "models")


def model_cache_bytes(env: Mapping[str, str] = os.environ) -> int:
    """`TIDEMILL_MODEL_CACHE_GIB` (default 20): the most disk that downloaded models may take, in GiB; 0 keeps none."""
    return int(number("TIDEMILL_MODEL_CACHE_GIB", 20.0, env) * 2**30)


def infer_requirements(env: Mapping[str, str] = os.environ) -> bool:
    """`TIDEMILL_INFER_REQUIREMENTS` (default true): find what a model imports when it is saved, in a process of its own."""
    return flag("TIDEMILL_INFER_REQUIREMENTS", True, env)


def requirements_timeout(env: Mapping[str, str] = os.environ) -> float:
    """`MLFLOW_REQUIREMENTS_INFERENCE_TIMEOUT` (default 120): seconds that finding what a model imports may take."""
    return number("MLFLOW_REQUIREMENTS_INFERENCE_TIMEOUT", 120.0, env)


def serve_tokens(env: Mapping[str, str] = os.environ) -> tuple[str, ...]:
    """`TIDEMILL_SERVE_TOKENS`: tokens, with commas, one of which callers of `tidemill serve` must send. Default: none."""
    return tuple(one.strip() for one in env.get("TIDEMILL_SERVE_TOKENS", "").split(",") if one.strip())


def serve_admin_tokens(env: Mapping[str, str] = os.environ) -> tuple[str, ...]:
    """`TIDEMILL_SERVE_ADMIN_TOKENS`: as `TIDEMILL_SERVE_TOKENS`, for tokens that may also roll back."""
    return tuple(one.strip() for one in env.get("TIDEMILL_SERVE_ADMIN_TOKENS", "").split(",") if one.strip())
