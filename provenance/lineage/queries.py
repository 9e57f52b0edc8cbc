"""Trace, impact and between, over any :class:`~kfp_provenance.metadata.graph.LineageIndex`."""

from __future__ import annotations

from collections.abc import Collection, Sequence

from kfp_provenance.lineage.publications import published_names
from kfp_provenance.lineage.shaping import Direction, contents, graph_of
from kfp_provenance.lineage.views import Graph, Impact
from kfp_provenance.metadata.graph import LineageIndex, Selection

EVERYTHING = Selection()
LIMIT = 2000
"""Steps of a graph, and models of an impact, that are shown unless asked for more."""
MODEL_TYPE = "system.Model"


def trace(
    index: LineageIndex,
    rows: Sequence[int],
    *,
    selection: Selection = EVERYTHING,
    limit: int = LIMIT,
) -> Graph:
    """Everything that the rows came from.

    Args:
        index: The store.
        rows: Rows of one artifact.
        selection: Shows only the steps, and artifacts of the type, that are selected; the
            way through those that are not is followed all the same.
        limit: Steps to show, the nearest to the end of the chain (newest) first.

    Raises:
        StoreError: If the store cannot be read.
    """
    return _graph(index, rows, index.upstream(rows), Direction.UP, selection=selection, limit=limit)


def downstream_graph(
    index: LineageIndex,
    rows: Sequence[int],
    *,
    selection: Selection = EVERYTHING,
    limit: int = LIMIT,
) -> Graph:
    """Everything that was made of the rows; see :func:`trace`. The oldest steps come first."""
    return _graph(
        index, rows, index.downstream(rows), Direction.DOWN, selection=selection, limit=limit
    )


def between(
    index: LineageIndex,
    rows: Sequence[int],
    targets: Sequence[int],
    *,
    selection: Selection = EVERYTHING,
    limit: int = LIMIT,
) -> Graph:
    """The steps on every way from ``rows`` to ``targets``; without steps if there is none."""
    on_the_way = set(index.downstream(rows)) & set(index.upstream(targets))
    return _graph(
        index,
        [*rows, *targets],
        sorted(on_the_way),
        Direction.BETWEEN,
        selection=selection,
        limit=limit,
    )


def impact(
    index: LineageIndex,
    rows: Sequence[int],
    *,
    selection: Selection = EVERYTHING,
    limit: int = LIMIT,
) -> Impact:
    """What the rows had an effect on: counts, models, published names.

    Args:
        index: The store.
        rows: Rows of one artifact.
        selection: Counts only the steps that are selected. Its type, if given, is listed
            in the place of models.
        limit: Models to show; names under which any of them was published are all shown.

    Raises:
        StoreError: If the store cannot be read.
    """
    steps = _selected(index, index.downstream(rows), selection)
    starts = tuple(dict.fromkeys(index.keys(rows)))
    summary = index.summary(steps, selection.type or MODEL_TYPE)
    shown = [rows for key, rows in summary.of_type if key not in starts]
    models = contents(index.artifacts([row for group in shown[:limit] for row in group]))
    published, more_published = published_names(index, steps)
    return Impact(
        starts=starts,
        steps=len(steps),
        runs=summary.runs,
        artifacts=summary.artifacts,
        models=tuple(reversed(models)),
        more_models=max(0, len(shown) - limit),
        published=published,
        more_published=more_published,
    )


def _graph(
    index: LineageIndex,
    rows: Sequence[int],
    steps: Collection[int],
    direction: Direction,
    *,
    selection: Selection,
    limit: int,
) -> Graph:
    selected = _selected(index, steps, selection)
    oldest = direction is Direction.DOWN
    shown = selected[:limit] if oldest else selected[max(0, len(selected) - limit) :]
    return graph_of(index, rows, shown, direction=direction, type_title=selection.type,
                    more_steps=len(selected) - len(shown))  # fmt: skip


def _selected(index: LineageIndex, steps: Collection[int], selection: Selection) -> list[int]:
    ids = sorted(steps)
    if selection == Selection(type=selection.type):
        return ids
    return [step.id for step in index.steps(ids) if selection.matches_step(step)]
