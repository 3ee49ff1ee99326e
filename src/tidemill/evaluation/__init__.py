"""Judging models: metrics, pictures and checks of predictions on data, over all of it and over slices."""
