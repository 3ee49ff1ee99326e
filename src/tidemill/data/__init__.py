"""Data sets as runs use them: described by name, digest, source, schema and profile."""

from tidemill.data.dataset import Dataset
from tidemill.data.frames import from_numpy, from_pandas, from_polars

__all__ = ["Dataset", "from_numpy", "from_pandas", "from_polars"]
