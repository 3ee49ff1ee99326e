"""Figures and pictures as the bytes of a file."""

import io
import os
import posixpath
import re
import secrets
import warnings
from collections.abc import Mapping
from typing import Any

from tidemill.errors import InvalidParameter, MissingDependency

_KEY = re.compile(r"[A-Za-z0-9_\-./ ]+")
_SMALL = 256


class Image:
    """A picture to log: from a NumPy array, a PIL image, nested lists or the path of a file.

    Arrays are height × width (grey), or × 1, × 3 (RGB) or × 4 (RGBA); booleans, whole numbers 0 to 255, or floats 0
    to 1. Raises MissingDependency without Pillow, InvalidParameter for other shapes or values.
    """

    def __init__(self, image: Any) -> None:
        pil = _pillow()
        if isinstance(image, str | os.PathLike):
            try:
                self.image = pil.open(image)
                self.image.load()
            except OSError as error:
                raise InvalidParameter(f"The picture '{os.fspath(image)}' cannot be read: {error}.") from None
        elif isinstance(image, pil.Image):
            self.image = image
        elif isinstance(image, Image):
            self.image = image.image
        else:
            self.image = _from_array(image)

    def to_pil(self) -> Any:
        """The PIL image."""
        return self.image

    def to_array(self) -> Any:
        """A NumPy array, height × width, × channels where there are several."""
        import numpy as np

        return np.array(self.image)

    def to_list(self) -> list[Any]:
        """The array as nested lists."""
        found: list[Any] = self.to_array().tolist()
        return found

    def resize(self, size: tuple[int, int]) -> "Image":
        """A copy of another (width, height)."""
        return Image(self.image.resize(size))

    def save(self, path: str) -> None:
        """Write it to a file; the ending chooses the format."""
        self.image.save(path)

    def encoded(self, name: str) -> bytes:
        """The bytes of a file of the format that the ending of `name` stands for."""
        ending = posixpath.splitext(name)[1].lower()
        formats = _pillow().registered_extensions()
        if ending not in formats:
            raise InvalidParameter(f"'{name}' has no ending that stands for a picture format; use .png, .jpg or .webp.")
        picture, target = self.image, io.BytesIO()
        if formats[ending] == "JPEG" and picture.mode not in ("RGB", "L", "CMYK"):
            picture = picture.convert("RGB")  # JPEG knows no transparency
        picture.save(target, formats[ending])
        return target.getvalue()

    def thumbnail(self) -> bytes:
        """A small WebP, at most 256 pixels on either side."""
        small, target = self.image.copy(), io.BytesIO()
        small.thumbnail((_SMALL, _SMALL))
        small.save(target, "WEBP")
        return target.getvalue()


def step_path(key: str, step: int, timestamp: int) -> str:
    """Where a picture of a series lies, without its ending. `/` in the key becomes `~`, which no key may hold.

    `+` parts the fields: MLflow's `%` would make names that mean something else once somebody decodes them as an URL.
    """
    if not _KEY.fullmatch(key):
        raise InvalidParameter(
            f"The key {key!r} of a picture may hold only letters, digits, underscores, dashes, periods, spaces and slashes."
        )
    return f"images/{key.replace('/', '~')}+step+{step}+timestamp+{timestamp}+{secrets.token_hex(8)}"


def figure_bytes(figure: Any, name: str, save_kwargs: Mapping[str, Any] | None = None) -> bytes:
    """A matplotlib or plotly figure as the file `name`; its ending chooses the format (.html too, for plotly).

    `save_kwargs` go to matplotlib's `savefig`, or to plotly's `write_html` or `write_image`.
    """
    options, ending = dict(save_kwargs or {}), posixpath.splitext(name)[1].lower().lstrip(".")
    if hasattr(figure, "savefig"):
        target = io.BytesIO()
        figure.savefig(target, **{"format": ending or "png", **options})
        return target.getvalue()
    if hasattr(figure, "write_html"):
        if ending == "html":
            text = io.StringIO()
            figure.write_html(text, **{"include_plotlyjs": "cdn", "auto_open": False, **options})
            return text.getvalue().encode()
        target = io.BytesIO()
        figure.write_image(target, **{"format": ending or "png", **options})
        return target.getvalue()
    raise InvalidParameter(f"log_figure takes a matplotlib or plotly figure, not a {type(figure).__name__}.")


def _pillow() -> Any:
    try:
        import PIL.Image
    except ImportError:
        raise MissingDependency("pillow", "images", "Logging a picture") from None
    return PIL.Image


def _from_array(value: Any) -> Any:
    try:
        import numpy as np
    except ImportError:
        raise MissingDependency("numpy", "images", "Logging a picture from numbers") from None
    array = np.asarray(value)
    if array.ndim not in (2, 3) or (array.ndim == 3 and array.shape[2] not in (1, 3, 4)) or not array.size:
        raise InvalidParameter(
            f"A picture's array must be height x width, or that x 1, 3 or 4 channels; this one is {array.shape}."
        )
    if array.ndim == 3 and array.shape[2] == 1:
        array = array[:, :, 0]
    return _pillow().fromarray(_bytes_of(array))


def _bytes_of(array: Any) -> Any:
    """The array with values 0 to 255."""
    if array.dtype.kind == "b":
        return (array * 255).astype("uint8")
    if array.dtype.kind not in "iuf":
        raise InvalidParameter(f"A picture's array must hold booleans or numbers, not {array.dtype}.")
    low, high = array.min(), array.max()
    if array.dtype.kind in "iu":
        if low < 0 or high > 255:
            raise InvalidParameter(f"A picture's whole numbers must be 0 to 255; these are {low} to {high}.")
        return array.astype("uint8")
    if not (low >= 0 and high <= 1):  # NaN too
        if not (low > float("-inf") and high < float("inf")):
            raise InvalidParameter("A picture's numbers must be finite.")
        warnings.warn(
            f"The picture's numbers are {low} to {high}, not 0 to 1; they are scaled to fit.", UserWarning, stacklevel=2
        )
        array = (array - low) / ((high - low) or 1)
    return (array * 255).astype("uint8")
