"""Sweeps: one project run with many parameters, found by a grid, by chance or by Optuna."""
