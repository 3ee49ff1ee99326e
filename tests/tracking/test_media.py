from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image as Pil

from tidemill.errors import InvalidParameter
from tidemill.tracking.media import Image, step_path


@pytest.mark.parametrize(
    "array, mode",
    [
        (np.zeros((2, 3), bool), "L"),
        (np.zeros((2, 3, 1), np.int64), "L"),
        (np.zeros((2, 3, 3), np.uint8), "RGB"),
        (np.zeros((2, 3, 4), np.float32), "RGBA"),
        ([[0, 1, 2], [3, 4, 5]], "L"),
    ],
)
def test_arrays_become_pictures(array: Any, mode: str) -> None:
    picture = Image(array)
    assert (picture.to_pil().mode, picture.to_pil().size) == (mode, (3, 2))


def test_values_are_scaled_to_bytes() -> None:
    assert Image(np.array([[False, True]])).to_list() == [[0, 255]]
    assert Image(np.array([[0.0, 0.5, 1.0]])).to_list() == [[0, 127, 255]]
    assert Image(np.array([[0, 255]])).to_list() == [[0, 255]]
    with pytest.warns(UserWarning, match="not 0 to 1"):
        assert Image(np.array([[-1.0, 3.0]])).to_list() == [[0, 255]]
    with pytest.warns(UserWarning, match="not 0 to 1"):
        assert Image(np.array([[3.0, 3.0]])).to_list() == [[0, 0]]


@pytest.mark.parametrize(
    "array, words",
    [
        (np.zeros(3), "height x width"),
        (np.zeros((2, 2, 2)), "height x width"),
        (np.zeros((0, 2)), "height x width"),
        (np.array([[256]]), "0 to 255"),
        (np.array([[-1]]), "0 to 255"),
        (np.array([["a"]]), "booleans or numbers"),
        (np.array([[np.nan]]), "finite"),
        (np.array([[np.inf]]), "finite"),
    ],
)
def test_other_arrays_are_refused(array: Any, words: str) -> None:
    with pytest.raises(InvalidParameter, match=words):
        Image(array)


def test_pictures_come_from_files_and_go_to_files(tmp_path: Path) -> None:
    Pil.new("RGB", (3, 2), (1, 2, 3)).save(tmp_path / "a.png")
    picture = Image(tmp_path / "a.png")
    assert picture.to_array().shape == (2, 3, 3)
    picture.resize((6, 4)).save(str(tmp_path / "b.png"))
    assert Image(str(tmp_path / "b.png")).to_pil().size == (6, 4)
    assert Image(picture).to_list() == picture.to_list()
    assert picture.encoded("x.webp")[8:12] == b"WEBP"
    with pytest.raises(InvalidParameter, match="cannot be read"):
        Image("nope.png")
    with pytest.raises(InvalidParameter, match="no ending"):
        picture.encoded("x.txt")


def test_names_of_a_series_are_safe_and_unique() -> None:
    one, two = step_path("a/b c", -3, 17), step_path("a/b c", -3, 17)
    assert one.startswith("images/a~b c+step+-3+timestamp+17+")
    assert one != two
