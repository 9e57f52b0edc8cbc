"""A comparison for a terminal: short, the likeliest first."""

from __future__ import annotations

import textwrap
from collections.abc import Iterator, Sequence

from kfp_provenance.analysis.diffing.model import (
    Cause,
    Content,
    Divergence,
    Figure,
    LineageDiff,
    MetricChange,
)

CAUSES, DIVERGENCES, WAYS, CONSEQUENCES, METRICS, NOTES = 10, 10, 3, 12, 12, 10
"""Lines of each kind; JSON and the page have all."""
WIDTH = 100
_HEAD, _TAIL = 4, 3
ORDER_NOTE = "a heuristic order, not a proof: to be sure, run again with one change at a time"


def verdict(diff: LineageDiff) -> str:
    """The first line."""
    if diff.equal:
        return f"EQUAL  {', '.join(subject.name for subject in diff.subjects)}"
    different = [subject.name for subject in diff.subjects if not subject.equal]
    equal = [subject.name for subject in diff.subjects if subject.equal]
    also = f"  (equal: {', '.join(equal)})" if equal else ""
    return f"DIFFERENT  {', '.join(different) or diff.after}{also}"


def render_text(diff: LineageDiff, width: int = WIDTH) -> str:
    """Everything below the verdict.

    Args:
        diff: The comparison.
        width: Columns of the terminal.
    """
    lines = [
        *_subjects(diff),
        *_section("Where the chains part first", _divergences(diff)),
        *_section("Causes, the likeliest first", _causes(diff.causes)),
        *_more(len(diff.causes) - CAUSES + diff.more_causes),
        *_section("What follows from that", _consequences(diff)),
        *_section("Metrics", _metrics(diff)),
        *_section("Notes", _notes(diff)),
    ]
    return "\n".join(wrapped for line in lines for wrapped in _wrapped(line, width))


def way(tasks: Sequence[str]) -> str:
    """A way to a subject, the middle of a long one left out."""
    left_out = len(tasks) - _HEAD - _TAIL
    if left_out > 1:
        tasks = [*tasks[:_HEAD], f"... {left_out} more ...", *tasks[-_TAIL:]]
    return " > ".join(tasks)


def figure(value: Figure) -> str:
    """A figure of the evidence."""
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, float):
        return f"{value:.4g}"
    return f"{value:,}" if isinstance(value, int) else value


def metric_cells(metric: MetricChange) -> tuple[str, str, str]:
    """Before, after and difference, in words where one is missing."""
    numbers = [metric.before, metric.after]
    before, after = ("none" if number is None else f"{number:.6g}" for number in numbers)
    change = metric.difference
    return before, after, "" if change is None else f"{change:+.4g}"


def place(cause: Cause) -> str:
    """Where a cause lies."""
    return " ".join(filter(None, (", ".join(cause.tasks[:3]), cause.name)))


def _subjects(diff: LineageDiff) -> Iterator[str]:
    different = [subject for subject in diff.subjects if not subject.equal]
    for subject in different:
        if len(different) > 1:
            yield f"  {subject.name}"
        indent = "    " if len(different) > 1 else "  "
        for side, content in (("before", subject.before), ("after", subject.after)):
            yield f"{indent}{side:<7} {_content(content)}"


def _content(content: Content) -> str:
    run = f"  run {content.run}" if content.run else f"  {content.uri}"
    return f"{content.digest[:19]}{run}"


def _section(title: str, lines: Iterator[str]) -> list[str]:
    found = list(lines)
    return ["", title, *found] if found else []


def _more(count: int) -> list[str]:
    return [f"  {count} more, see --json"] if count > 0 else []


def _divergences(diff: LineageDiff) -> Iterator[str]:
    for divergence in diff.divergences[:DIVERGENCES]:
        yield f"  {divergence.title}"
        yield from _sides(divergence)
        for tasks in divergence.ways[:WAYS]:
            yield f"      {way(tasks)}"
        more = len(divergence.ways[WAYS:]) + divergence.more_ways
        if more:
            yield f"      {more:,} more ways"
    yield from _more(len(diff.divergences) - DIVERGENCES + diff.more_divergences)


def _sides(divergence: Divergence) -> Iterator[str]:
    before, after = divergence.before, divergence.after
    if before is None or after is None or before.task or after.task:
        return
    for side, content in (("before", before), ("after", after)):
        version = f" version {content.version}" if content.version else ""
        yield (
            f"      {side:<7} {content.digest[:19]}  {content.size:,} bytes  {content.uri}{version}"
        )


def _causes(causes: Sequence[Cause]) -> Iterator[str]:
    if causes:
        yield f"  {ORDER_NOTE}"
    for number, cause in enumerate(causes[:CAUSES], 1):
        yield f"{number:>3}. {cause.title}"
        where = f"{place(cause)}; " if place(cause) and cause.name not in cause.title else ""
        yield f"      {where}likelihood {cause.score:.2f}: {cause.why}"
        if cause.evidence:
            figures = (
                f"{name.replace('_', ' ')} {figure(value)}" for name, value in cause.evidence
            )
            yield f"      {', '.join(figures)}"
        more = f"; {cause.more_examples} more" if cause.more_examples else ""
        if len(cause.examples) > 1 or more:
            yield f"      {'; '.join(cause.examples)}{more}"


def _consequences(diff: LineageDiff) -> Iterator[str]:
    for consequence in diff.consequences[:CONSEQUENCES]:
        yield f"  {consequence.task}: {consequence.title}"
    yield from _more(len(diff.consequences) - CONSEQUENCES + diff.more_consequences)


def _metrics(diff: LineageDiff) -> Iterator[str]:
    changed = [metric for metric in diff.metrics if metric.before != metric.after]
    rows = [(metric.task, metric.name, *metric_cells(metric)) for metric in changed[:METRICS]]
    if rows:
        rows.insert(0, ("task", "metric", "before", "after", "difference"))
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    for row in rows:
        cells = (cell.ljust(width) for cell, width in zip(row, widths, strict=True))
        yield f"  {'  '.join(cells)}".rstrip()
    yield from _more(len(changed) - METRICS + diff.more_metrics)
    equal = len(diff.metrics) - len(changed)
    if equal:
        yield f"  {equal} equal"


def _notes(diff: LineageDiff) -> Iterator[str]:
    for note in diff.notes[:NOTES]:
        yield f"  {note}"
    yield from _more(len(diff.notes) - NOTES + diff.more_notes)


def _wrapped(line: str, width: int) -> list[str]:
    """A line of words broken where it must be; what follows stands below its beginning."""
    if len(line) <= width or not line.strip():
        return [line]
    indent = len(line) - len(line.lstrip())
    if line[: indent + 3].strip().endswith("."):
        indent += 3
    return textwrap.wrap(
        line, width, subsequent_indent=" " * indent, break_long_words=False,
        break_on_hyphens=False, drop_whitespace=True,
    )  # fmt: skip
