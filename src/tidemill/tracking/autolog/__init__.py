"""Trainings that log themselves: a file a framework, on the machinery of `core` and `session`."""
