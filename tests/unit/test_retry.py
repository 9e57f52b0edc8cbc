from __future__ import annotations

import pytest

from kfp_provenance.metadata import Patience


class Clock:
    """Time that passes only in sleep."""

    def __init__(self) -> None:
        self.now = 0.0
        self.pauses: list[float] = []

    def sleep(self, seconds: float) -> None:
        self.pauses.append(seconds)
        self.now += seconds

    def patience(self) -> Patience:
        return Patience(clock=lambda: self.now, sleep=self.sleep)


def test_waits_double_up_to_the_cap_and_end_in_time() -> None:
    clock, error = Clock(), BlockingIOError()

    def action() -> None:
        raise error

    with pytest.raises(BlockingIOError) as raised:
        clock.patience().retry(action, BlockingIOError)
    assert raised.value is error
    for number, pause in enumerate(clock.pauses):
        longest = min(0.005 * 2**number, 1.0)
        assert longest / 2 <= pause <= longest
    assert 28 < clock.now <= 30


def test_the_result_of_the_first_try_that_works() -> None:
    clock = Clock()
    tries = iter([BlockingIOError(), BlockingIOError(), None])

    def action() -> str:
        error = next(tries)
        if error:
            raise error
        return "done"

    assert clock.patience().retry(action, BlockingIOError) == "done"
    assert len(clock.pauses) == 2


def test_other_errors_are_not_tried_again() -> None:
    clock = Clock()

    def action() -> None:
        raise PermissionError("no")

    with pytest.raises(PermissionError):
        clock.patience().retry(action, BlockingIOError)
    with pytest.raises(PermissionError):
        clock.patience().retry(action, PermissionError, lambda error: "yes" in str(error))
    assert clock.pauses == []


def test_writers_do_not_wait_in_step() -> None:
    def pauses() -> list[float]:
        clock = Clock()
        with pytest.raises(BlockingIOError):
            clock.patience().retry(_busy, BlockingIOError)
        return clock.pauses

    assert pauses() != pauses()


def _busy() -> None:
    raise BlockingIOError
