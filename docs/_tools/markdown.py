"""Small pieces of Markdown that the generators share."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

GENERATED = "<!-- Generated from {source} by `make generate`; do not edit. -->"


def table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """A table; a cell's line breaks become spaces and its bars are escaped."""
    lines = [list(head), ["---"] * len(head)]
    lines += [[" ".join(cell.split()).replace("|", "\\|") for cell in row] for row in rows]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def page(source: str, *blocks: str) -> str:
    """Blocks with an empty line between them, below a note on where they come from."""
    return "\n\n".join(filter(None, [GENERATED.format(source=source), *blocks])) + "\n"
