"""docs/drill.md says of every attack what is tested; the times are those of whoever wrote it."""

from __future__ import annotations

from pathlib import Path

from support.drill.page import expected, lines_of

PAGE = Path(__file__).parents[2] / "docs" / "drill.md"


def test_every_attack_and_every_variation_has_its_line() -> None:
    there = lines_of(PAGE.read_text(encoding="utf-8"))
    assert there == expected().keys(), "remedy: make drill"
