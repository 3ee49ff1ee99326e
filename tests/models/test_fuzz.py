"""Whatever a folder holds: an answer or one of our errors, and nothing is run."""

import contextlib
import copy
import pickle
import tempfile
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from tidemill import pyfunc
from tidemill.errors import TidemillError
from tidemill.models.audit import audit
from tidemill.models.load import load_native, load_pyfunc
from tidemill.models.pickles import scan

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=5,
)


def shout(model_input: list[str]) -> list[str]:
    return [text.upper() for text in model_input]


@pytest.fixture(scope="module")
def valid(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, dict[str, Any]]:
    folder = tmp_path_factory.mktemp("fuzz") / "m"
    (folder.parent / "f.txt").write_text("x")
    pyfunc.save_model(
        folder,
        shout,
        input_example=(["a"], {"n": 1}),
        artifacts={"f": folder.parent / "f.txt"},
        pip_requirements=["six"],
    )
    return folder, yaml.safe_load((folder / "MLmodel").read_text())


def places(node: Any, before: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    found = [before] if before else []
    if isinstance(node, dict):
        for key, value in node.items():
            found += places(value, (*before, key))
    return found


@settings(max_examples=150, deadline=None)
@given(data=st.data())
def test_a_changed_mlmodel_is_read_or_refused(valid: tuple[Path, dict[str, Any]], data: st.DataObject) -> None:
    folder, fields = valid
    changed = copy.deepcopy(fields)
    *way, last = data.draw(st.sampled_from(places(fields)))
    node = changed
    for key in way:
        node = node[key]
    node[last] = data.draw(JSON)
    (folder / "MLmodel").write_text(yaml.safe_dump(changed))
    for look in (audit, lambda path: load_pyfunc(path, allow_pickle=True).input_example, load_native):
        with contextlib.suppress(TidemillError):
            look(folder)


@settings(max_examples=200, deadline=None)
@given(
    st.binary(max_size=200)
    | st.builds(lambda head, tail: head + tail, st.just(pickle.dumps(shout)), st.binary(max_size=50))
)
def test_any_bytes_can_be_looked_at(content: bytes) -> None:
    for prefix in (b"", b"\x80\x04", b"PK\x03\x04", b"\x1f\x8b", b"BZh", b"\x78\x9c"):
        with tempfile.NamedTemporaryFile() as file:
            file.write(prefix + content)
            file.flush()
            scan(Path(file.name))
