"""`tidemill server`: serve a store over HTTP."""

import click

from tidemill.cli import output
from tidemill.http.logs import LOG_LEVELS
from tidemill.server.config import ServerConfig, clean_prefix
from tidemill.tracking.resolve import shown

_DEFAULT = ServerConfig()
_MLFLOW_SPELLING = {
    "backend-store-uri": "store",
    "artifacts-destination": "artifacts",
    "default-artifact-root": "artifact-root",
}


@click.command(context_settings={"token_normalize_func": lambda name: _MLFLOW_SPELLING.get(name, name)})
@click.option("--host", default=_DEFAULT.host, show_default=True, help="The address to listen on.")
@click.option(
    "--port",
    type=click.IntRange(0, 65535),
    default=_DEFAULT.port,
    show_default=True,
    help="The port; 0 for any free one.",
)
@click.option(
    "--store", default=_DEFAULT.store, show_default=True, metavar="ADDRESS", help="An SQLite file or postgresql://…."
)
@click.option(
    "--artifacts",
    default=_DEFAULT.artifacts,
    show_default=True,
    metavar="ADDRESS",
    help="Where files lie that travel through the server: a folder, s3://, gs://, az://, sftp:// or ftp:// address.",
)
@click.option(
    "--artifact-root",
    default=_DEFAULT.artifact_root,
    show_default=True,
    metavar="ADDRESS",
    help="The address under which new experiments get their place. The default sends files through the server; with "
    "s3://… clients read and write there themselves.",
)
@click.option(
    "--workers", type=click.IntRange(1), default=_DEFAULT.workers, show_default=True, help="How many processes serve."
)
@click.option(
    "--allowed-hosts",
    metavar="LIST",
    default="",
    help="More names under which the server may be called, with commas; * for any. Local ones always may.",
)
@click.option(
    "--allowed-origins",
    metavar="LIST",
    default="",
    help="Web pages of other origins that may change things, as https://host, with commas; * for any.",
)
@click.option(
    "--allowed-artifacts",
    metavar="LIST",
    default="",
    help="More addresses below which the server may open files of experiments that name a place of their own.",
)
@click.option(
    "--allow-unauthenticated",
    is_flag=True,
    help="Listen on other addresses than this machine's own although nobody is asked for a password.",
)
@click.option(
    "--static-prefix",
    default="",
    metavar="/PATH",
    help="Serve everything below this path, for a proxy that passes it on.",
)
@click.option(
    "--triggers",
    default="",
    envvar="TIDEMILL_TRIGGERS",
    metavar="FILE",
    help="A TOML file that says what this server runs or calls when something happens.",
)
@click.option(
    "--log-level",
    type=click.Choice(LOG_LEVELS),
    default="info",
    show_default=True,
    help="What to log, on standard error; debug: every request too.",
)
def server(
    host: str,
    port: int,
    store: str,
    artifacts: str,
    artifact_root: str,
    workers: int,
    allowed_hosts: str,
    allowed_origins: str,
    allowed_artifacts: str,
    allow_unauthenticated: bool,
    static_prefix: str,
    triggers: str,
    log_level: str,
) -> None:
    """Serve a store over HTTP, for Tidemill's and MLflow's clients.

    Without options it serves the folder ./.tidemill, where runs go when no server is named. Ctrl-C stops it once
    running requests are answered.
    """
    from tidemill.server.launch import serve

    config = ServerConfig(
        host=host,
        port=port,
        store=store,
        artifacts=artifacts,
        artifact_root=artifact_root,
        workers=workers,
        allowed_hosts=_words(allowed_hosts),
        allowed_origins=_words(allowed_origins),
        allowed_artifacts=_words(allowed_artifacts),
        allow_unauthenticated=allow_unauthenticated,
        static_prefix=static_prefix,
        access_log=log_level == "debug",
        log_level=log_level,
        triggers=triggers,
    )
    serve(config, lambda address: _say_ready(config, address))


def _words(text: str) -> tuple[str, ...]:
    return tuple(one.strip() for one in text.split(",") if one.strip())


def _say_ready(config: ServerConfig, address: str) -> None:
    where = f"{address}{clean_prefix(config.static_prefix)}"
    output.emit(f"{where} serves {shown(config.store)}, files in {shown(config.artifacts)}. Ctrl-C stops it.")
