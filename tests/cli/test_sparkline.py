import math

import pytest

from tidemill.cli.sparkline import sparkline


@pytest.mark.parametrize(
    ("values", "line"),
    [
        ([], ""),
        ([1.0], "▅"),
        ([2.0, 2.0, 2.0], "▅▅▅"),
        ([0.0, 1.0, 2.0, 3.0, 4.0, 5.0, 6.0, 7.0], "▁▂▃▄▅▆▇█"),
        ([7.0, 0.0], "█▁"),
        ([0.0, math.nan, 1.0, math.inf], "▁·█·"),
        ([math.nan], "·"),
        ([-1.7e308, 1.7e308], "▁█"),
    ],
)
def test_one_block_a_value(values: list[float], line: str) -> None:
    assert sparkline(values, 10) == line


def test_long_histories_are_drawn_as_means_of_equal_pieces() -> None:
    falling = [1000.0 - step for step in range(1000)]
    line = sparkline(falling, 8)
    assert line == "█▇▆▅▄▃▂▁"
    assert sparkline([0.0, 0.0, 10.0, 0.0, 10.0, 10.0], 3) == "▁▅█"
