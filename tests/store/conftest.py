"""A store on each kind of database in turn, shared by the tests of a module."""

from collections.abc import Iterator

import pytest

from tidemill.store.backend import SqlBackend
from tidemill.testing.databases import embedded


@pytest.fixture(scope="module")
def store(database_address: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[SqlBackend]:
    with embedded(database_address, tmp_path_factory.mktemp("artifacts")) as backend:
        yield backend
