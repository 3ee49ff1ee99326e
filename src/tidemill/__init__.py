"""Tidemill: the whole life of a machine-learning model in one small package."""

__version__ = "0.1.0"
