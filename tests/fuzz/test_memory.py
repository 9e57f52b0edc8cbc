"""Documents that were made to fill memory are refused with little of it.

`make fuzz` reads all of them; these are the ones that once took gigabytes or hours.
"""

from __future__ import annotations

import pytest

from fuzz.memory import measured
from fuzz.memory_cases import CASES

WORST = (
    "100 MB",
    "4 lines of brackets",
    "many log entries",
    "a.toml a long name",
    "a.yaml billions of aliases",
    "a.json many logs",
)


@pytest.mark.parametrize("name", WORST)
def test_it_is_refused_with_little_memory(name: str) -> None:
    assert measured(CASES[name]).problems(CASES[name]) == []
