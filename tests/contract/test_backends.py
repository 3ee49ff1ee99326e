"""The public contract suite, over every backend of our own (fixture `backend` in tests/conftest.py)."""

from tidemill.testing.contract import *  # noqa: F403
