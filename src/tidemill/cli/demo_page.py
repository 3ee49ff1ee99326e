"""The page that `tidemill demo --open` ends with: the last data set's runs, as a table and as curves."""

import webbrowser

from tidemill.cli import output
from tidemill.cli.address import Store
from tidemill.cli.find import find_experiment
from tidemill.tracking import resolve
from tidemill.tracking.embedded import EmbeddedBackend


def open_page(store: Store, name: str) -> None:
    """Show the runs of data set `name` in the browser; a store without a server is served until Ctrl-C."""
    experiment = find_experiment(store, f"demo-{name}").experiment_id
    backend = store.backend
    if isinstance(backend, EmbeddedBackend):
        from tidemill.server.config import ServerConfig
        from tidemill.server.launch import serve

        config = ServerConfig(
            port=0, store=backend.file or backend.database, artifacts=backend.artifacts, log_level="warning"
        )
        resolve.close_all()  # the server is the only one to write now
        serve(config, lambda address: _show(address, experiment, " Ctrl-C stops the server."))
        return
    _show(store.shown, experiment, "")


def _show(address: str, experiment: str, after: str) -> None:
    page = f"{address}/experiments/{experiment}?show=both"
    output.emit(f"\nLook: {page}{after}")
    webbrowser.open(page)
