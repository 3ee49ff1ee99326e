"""`tidemill serve`: models behind HTTP."""

import os
from pathlib import Path

import click

from tidemill import settings
from tidemill.cli import output
from tidemill.cli.address import Store, with_store
from tidemill.errors import InvalidParameter
from tidemill.http.logs import LOG_LEVELS
from tidemill.serving.config import ServingConfig

_DEFAULT = ServingConfig()
_FOLDER = click.Path(file_okay=False)


@click.command()
@click.argument("models", nargs=-1, required=True, metavar="MODEL...")
@click.option("--host", default=_DEFAULT.host, show_default=True, help="The address to listen on.")
@click.option(
    "--port", type=click.IntRange(0, 65535), default=_DEFAULT.port, show_default=True, help="The port; 0 for any."
)
@click.option(
    "--canary", "canaries", multiple=True, metavar="NAME=MODEL:PERCENT",
    help="Let another version answer that share of a model's requests. Repeatable.",
)  # fmt: skip
@click.option(
    "--shadow", "shadows", multiple=True, metavar="NAME=MODEL",
    help="Ask another version too, and compare its answers without returning them. Repeatable.",
)  # fmt: skip
@click.option("--isolate", is_flag=True, help="Run each model in a process of its own.")
@click.option("--allow-pickle", is_flag=True, help="Load models that run code of their own (pickles, scripts).")
@click.option(
    "--latency-ms", type=click.FloatRange(0.1), default=20.0, show_default=True,
    help="How long an answer should take at most: batches stay below half of it.",
)  # fmt: skip
@click.option(
    "--timeout", type=click.FloatRange(0.01), default=_DEFAULT.timeout, show_default=True,
    help="Seconds that a model may take for a call.",
)  # fmt: skip
@click.option(
    "--most-wait", type=click.FloatRange(0.01), default=_DEFAULT.most_wait, show_default=True,
    help="Seconds that a request may expect to wait; where the queue is longer it is refused at once.",
)  # fmt: skip
@click.option(
    "--batch", type=click.Choice(("auto", "on", "off")), default="auto", show_default=True,
    help="Whether requests share calls of a model; auto finds out whether its rows are independent.",
)  # fmt: skip
@click.option(
    "--max-batch", type=click.IntRange(1), default=_DEFAULT.most_rows, show_default=True, help="Most rows of a call."
)
@click.option(
    "--lanes", type=click.IntRange(1), default=_DEFAULT.lanes, show_default=True, help="Calls of a model at a time."
)
@click.option(
    "--max-body", type=click.IntRange(1), default=_DEFAULT.body_limit, show_default=True, metavar="BYTES",
    help="The largest body.",
)  # fmt: skip
@click.option(
    "--max-requests",
    type=click.IntRange(1),
    default=_DEFAULT.concurrency,
    show_default=True,
    help="Requests at a time.",
)
@click.option(
    "--rate", type=click.FloatRange(0), default=0.0, help="Requests a second that one client may make. Default: any."
)
@click.option(
    "--token-file",
    type=click.Path(dir_okay=False),
    help="A file of tokens, one a line, one of which callers must send.",
)
@click.option("--admin-token-file", type=click.Path(dir_okay=False), help="Tokens that may also roll back.")
@click.option(
    "--allow-unauthenticated", is_flag=True, help="Listen on other addresses than this machine's own without tokens."
)
@click.option(
    "--allowed-hosts",
    metavar="LIST",
    default="",
    help="More names under which it may be called, with commas; * for any.",
)
@click.option(
    "--allowed-origins",
    metavar="LIST",
    default="",
    help="Web pages of other origins that may ask, with commas; * for any.",
)
@click.option(
    "--log", "log_folder", type=_FOLDER, help="Keep what was asked and answered in this folder, as Parquet files."
)
@click.option(
    "--log-sample", type=click.FloatRange(0, 1), default=1.0, show_default=True, help="The share of requests to keep."
)
@click.option("--log-redact", metavar="COLUMNS", default="", help="Columns whose values are not kept, with commas.")
@click.option(
    "--log-bytes", type=click.IntRange(1), default=_DEFAULT.log_bytes, show_default=True,
    help="Inputs or outputs larger than this are left out.",
)  # fmt: skip
@click.option(
    "--log-seconds", type=click.FloatRange(0.1), default=_DEFAULT.log_seconds, show_default=True,
    help="How often the log is written.",
)  # fmt: skip
@click.option(
    "--poll", type=click.FloatRange(0.05), default=_DEFAULT.poll_seconds, show_default=True,
    help="Seconds between looks at the registry, besides its event feed.",
)  # fmt: skip
@click.option("--cache", type=_FOLDER, help="Where versions are kept on this disk. Default: in TIDEMILL_CACHE.")
@click.option(
    "--log-level", type=click.Choice(LOG_LEVELS), default="info", show_default=True,
    help="What to log, on standard error; debug: every request too.",
)  # fmt: skip
@with_store
def serve(store: Store, models: tuple[str, ...], **options: object) -> None:
    """Serve models over HTTP: MLflow's /invocations, the Open Inference Protocol, Arrow.

    MODEL is models:/NAME@ALIAS (followed: moving the alias deploys), models:/NAME/VERSION, runs:/…, any artifact address
    or a folder, with a name before it where you like: fraud=./model. Ctrl-C stops it once running requests are answered.
    """
    from tidemill.serving.launch import serve as run

    config = _config(models, store.address, **options)
    run(config, store.backend, lambda where: _say_ready(where, models))


def _config(models: tuple[str, ...], address: str, **given: object) -> ServingConfig:
    renamed = {
        "most_rows": "max_batch",
        "body_limit": "max_body",
        "concurrency": "max_requests",
        "poll_seconds": "poll",
    }
    same = (
        "host", "port", "canaries", "shadows", "isolate", "allow_pickle", "timeout", "most_wait", "batch", "lanes", "rate",
        "allow_unauthenticated", "log_sample", "log_bytes", "log_seconds", "log_level",
    )  # fmt: skip
    fields = {name: given[name] for name in same} | {name: given[option] for name, option in renamed.items()}
    return ServingConfig(
        models=models,
        store=address,
        latency_target=float(str(given["latency_ms"])) / 1e3,
        tokens=(*settings.serve_tokens(), *_tokens(given["token_file"])),
        admin_tokens=(*settings.serve_admin_tokens(), *_tokens(given["admin_token_file"])),
        allowed_hosts=_words(given["allowed_hosts"]),
        allowed_origins=_words(given["allowed_origins"]),
        log_folder=str(given["log_folder"] or ""),
        log_redact=_words(given["log_redact"]),
        cache=str(given["cache"] or os.path.join(settings.cache_folder(), "serving")),
        access_log=given["log_level"] == "debug",
        **fields,  # type: ignore[arg-type]
    )


def _words(text: object) -> tuple[str, ...]:
    return tuple(one.strip() for one in str(text).split(",") if one.strip())


def _tokens(path: object) -> tuple[str, ...]:
    """The tokens in a file. Raises InvalidParameter for one that holds none: nobody means to ask for no token by that."""
    if path is None:
        return ()
    found = tuple(line.strip() for line in Path(str(path)).read_text().splitlines() if line.strip())
    if not found:
        raise InvalidParameter(f"The file '{path}' holds no token; write one on each line.")
    return found


def _say_ready(address: str, models: tuple[str, ...]) -> None:
    output.emit(f"{address} serves {', '.join(models)}. Ctrl-C stops it.")
