"""Trying again."""

import pytest

from tidemill.errors import NotFound, Unavailable
from tidemill.retry import retrying


class Call:
    """Fails as often as `errors` says, then answers."""

    def __init__(self, *errors: Exception) -> None:
        self.errors = list(errors)
        self.count = 0

    def __call__(self) -> str:
        self.count += 1
        if self.errors:
            raise self.errors.pop(0)
        return "answer"


@pytest.fixture
def pauses(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    taken: list[float] = []
    monkeypatch.setattr("tidemill.retry.time.sleep", taken.append)
    return taken


def test_an_answer_is_given_at_once(pauses: list[float]) -> None:
    assert retrying(Call()) == "answer"
    assert pauses == []


def test_what_is_away_for_a_moment_is_waited_for_ever_longer(pauses: list[float]) -> None:
    call = Call(*[Unavailable("away")] * 4)
    assert retrying(call, attempts=5, first_s=1, most_s=3) == "answer"
    assert call.count == 5
    for pause, (least, most) in zip(pauses, [(0.5, 1), (1, 2), (1.5, 3), (1.5, 3)], strict=True):
        assert least <= pause <= most


def test_the_last_error_is_raised(pauses: list[float]) -> None:
    call = Call(Unavailable("first"), Unavailable("last"), Unavailable("never"))
    with pytest.raises(Unavailable, match="last"):
        retrying(call, attempts=2)
    assert len(pauses) == 1


def test_other_errors_are_not_tried_again(pauses: list[float]) -> None:
    call = Call(NotFound("gone"))
    with pytest.raises(NotFound):
        retrying(call)
    assert call.count == 1
    assert pauses == []
