"""Why is this artifact different from that one?

Both chains are aligned from the two artifacts upstream (``diffing/align.py``): equal bytes end
a way, different ones go on to the steps that wrote them. Where the chains part first, and
wherever aligned steps differ in anything but what they read, is a cause; everything behind
that is a consequence. Causes are ordered by a documented heuristic (``diffing/likelihood.py``).
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from functools import cache

from kfp_provenance.analysis.diffing.align import align
from kfp_provenance.analysis.diffing.compared_data import DataWalk
from kfp_provenance.analysis.diffing.contents import DataSource, StoredData
from kfp_provenance.analysis.diffing.describing import content_of, describe
from kfp_provenance.analysis.diffing.explaining import Explanation
from kfp_provenance.analysis.diffing.judging import returned_values, unlike_judges
from kfp_provenance.analysis.diffing.labels import keys_of, label_names
from kfp_provenance.analysis.diffing.metrics import compare_metrics
from kfp_provenance.analysis.diffing.model import LineageDiff, Subject
from kfp_provenance.analysis.diffing.sides import Side, judged_with, read_side
from kfp_provenance.analysis.diffing.subjects import Paired, pair_sides
from kfp_provenance.analysis.diffing.tables import Settings, TableComparer
from kfp_provenance.lineage.references import Found, find
from kfp_provenance.metadata.graph import LineageIndex

__all__ = ["DataSource", "LineageDiff", "Settings", "StoredData", "diff", "find_either"]

MAX_DIVERGENCES = 50
MAX_CAUSES = 100
MAX_CONSEQUENCES = 200
MAX_METRICS = 200
MAX_NOTES = 50


def find_either(index: LineageIndex, text: str) -> Found:
    """What a reference names: a run, or else an artifact.

    Raises:
        StoreError: REFERENCE_UNKNOWN or REFERENCE_AMBIGUOUS.
        ArtifactError: If it is a path that cannot be hashed.
    """
    if text.isprintable() and (steps := index.steps_of_run(text)):
        return Found(text, index.outputs(steps))
    return find(index, text)


def diff(
    index: LineageIndex,
    before: Found,
    after: Found,
    *,
    data: DataSource | None,
    settings: Settings | None = None,
) -> LineageDiff:
    """Compare two artifacts, or the models of two runs.

    Args:
        index: The store of both.
        before: What is the measure.
        after: What is in question.
        data: Where tables are read; None compares what is recorded only.
        settings: How tables are compared. Its ``labels`` may name one, which then counts.

    Raises:
        StoreError: If the store cannot be read, or nothing can be compared.
    """
    sides = read_side(index, before), read_side(index, after)
    paired = pair_sides(*sides)
    found = align((sides[0].history, sides[1].history), paired.subjects, paired.steps)
    tables = DataWalk(TableComparer(data, _with_names(settings or Settings(), *sides)))
    returned = returned_values(sides[0].steps, sides[1].steps)
    why = Explanation(found, cache(index.environment), tables, returned)
    metrics = compare_metrics(*map(judged_with, sides))
    notes = dict.fromkeys((*_side_notes(paired, *sides), *why.notes))
    return LineageDiff(
        before=before.text,
        after=after.text,
        subjects=tuple(_subjects(paired)),
        divergences=tuple(describe(first, found.pairs) for first in why.firsts[:MAX_DIVERGENCES]),
        more_divergences=max(0, len(why.firsts) - MAX_DIVERGENCES),
        causes=tuple(why.causes[:MAX_CAUSES]),
        more_causes=max(0, len(why.causes) - MAX_CAUSES),
        consequences=tuple(why.consequences[:MAX_CONSEQUENCES]),
        more_consequences=max(0, len(why.consequences) - MAX_CONSEQUENCES),
        metrics=metrics[:MAX_METRICS],
        more_metrics=max(0, len(metrics) - MAX_METRICS),
        data=tuple(tables.found.comparisons),
        notes=tuple(notes)[:MAX_NOTES],
        more_notes=max(0, len(notes) - MAX_NOTES),
    )


def _with_names(settings: Settings, before: Side, after: Side) -> Settings:
    """The settings with every name that anybody gave the label, and every key of a table."""
    steps = (*after.history.steps.values(), *before.history.steps.values())
    asked = settings.labels[0] if settings.labels else ""
    return replace(settings, labels=label_names(asked, steps), declared=keys_of(steps))


def _side_notes(paired: Paired, before: Side, after: Side) -> Iterator[str]:
    yield from (*before.notes, *after.notes, *paired.notes)
    subjects = frozenset(
        given.artifact.digest for pair in paired.subjects for given in (pair.before, pair.after)
    )
    yield from unlike_judges(judged_with(before), judged_with(after), subjects)


def _subjects(paired: Paired) -> Iterator[Subject]:
    for pair in paired.subjects:
        before, after = content_of(pair.before), content_of(pair.after)
        if before is not None and after is not None:
            yield Subject(pair.name, before, after)
