"""Databases and backends for all tests."""

import os
from collections.abc import Iterator

import pytest

from tidemill.api.operation import Backend
from tidemill.errors import Unavailable
from tidemill.testing.databases import PostgresServer, embedded, postgres
from tidemill.testing.server import server_process
from tidemill.transport.http import HttpBackend

# Senders of tests whose server is gone for good must not go on trying for ten minutes.
os.environ.setdefault("TIDEMILL_SENDER_LINGER", "2")


@pytest.fixture(scope="session")
def postgres_server() -> Iterator[PostgresServer]:
    """A running PostgreSQL; tests that ask for it are skipped where there is none."""
    try:
        server = postgres()
    except Unavailable as error:
        pytest.skip(str(error))
    yield server
    server.stop()


@pytest.fixture(scope="module")
def postgres_address(postgres_server: PostgresServer) -> Iterator[str]:
    """The address of an empty PostgreSQL database for this module."""
    with postgres_server.database() as address:
        yield address


@pytest.fixture(scope="module", params=["sqlite", "postgresql"])
def database_address(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> str:
    """The address of an empty database for this module, of each kind in turn."""
    if request.param == "postgresql":
        address: str = request.getfixturevalue("postgres_address")
        return address
    return f"sqlite:///{tmp_path_factory.mktemp('db') / 'tidemill.db'}"


@pytest.fixture(scope="module", params=["sqlite", "postgresql", "http"])
def backend(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Backend]:
    """A backend of each kind in turn, shared by the tests of a module: two databases, and a server's process."""
    folder = tmp_path_factory.mktemp(request.param)
    if request.param == "http":
        with server_process(folder / "tidemill.db", folder / "artifacts") as server:
            remote = HttpBackend(server.address)
            yield remote
            remote.close()
        return
    address = (
        request.getfixturevalue("postgres_address") if request.param == "postgresql" else str(folder / "tidemill.db")
    )
    with embedded(address, folder / "artifacts") as found:
        yield found
