"""Times, sizes and numbers as people read them."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from kfp_provenance.web.figures import show_duration, show_number, show_size, show_time, visible

START = datetime(2026, 3, 1, 12, tzinfo=UTC)


@pytest.mark.parametrize(
    ("size", "text"),
    [(None, "unknown"), (0, "0 bytes"), (999, "999 bytes"), (1000, "1 KB"), (569_699, "570 KB"),
     (31_053_850, "31.1 MB"), (2**63, "9.22e+03 PB")],
)  # fmt: skip
def test_sizes(size: int | None, text: str) -> None:
    assert show_size(size) == text


@pytest.mark.parametrize(
    ("seconds", "text"),
    [(0.359, "0.359 s"), (59, "59 s"), (60, "1 min 00 s"), (3599, "59 min 59 s"),
     (7260, "2 h 01 min"), (-1, "")],
)  # fmt: skip
def test_durations(seconds: float, text: str) -> None:
    assert show_duration(START, START + timedelta(seconds=seconds)) == text


@pytest.mark.parametrize(
    ("value", "text"),
    [(0.9072412, "0.90724"), (1234567, "1,234,567"), (True, "true"), ("text", "text"),
     (None, "null"), ([1], "[1]"), (float("nan"), "nan")],
)  # fmt: skip
def test_numbers(value: object, text: str) -> None:
    assert show_number(value) == text


def test_times_are_for_machines_too() -> None:
    assert 'datetime="2026-03-01T12:00:00+00:00"' in show_time(START)
    assert "unknown" in show_time(None)


@pytest.mark.parametrize(
    ("text", "shown"),
    [("plain", "plain"), ("a\u202eb", "a\\u202eb"), ("a\0b", "a\\x00b"), ("a\nb", "a\nb"),
     ("żółć 🦆", "żółć 🦆"), ("zero\u200bwidth", "zero\\u200bwidth")],
)  # fmt: skip
def test_what_cannot_be_seen_is_shown(text: str, shown: str) -> None:
    assert visible(text) == shown
