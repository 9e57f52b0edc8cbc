"""Rows of a store -> the nodes and links of a graph."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from enum import Enum

from kfp_provenance.lineage.graph import producers_first
from kfp_provenance.lineage.views import ArtifactNode, Graph, Link
from kfp_provenance.metadata.graph import ArtifactRow, EdgeRow, LineageIndex, StepRow


class Direction(Enum):
    """Which way a graph was followed."""

    UP = "up"
    DOWN = "down"
    BETWEEN = "between"


def graph_of(
    index: LineageIndex,
    starts: Sequence[int],
    steps: Sequence[int],
    *,
    direction: Direction,
    type_title: str = "",
    more_steps: int = 0,
) -> Graph:
    """The graph of some steps, with what they read and wrote on the way.

    Args:
        index: The store.
        starts: Rows that were asked about; shown even if no step is.
        steps: Steps to show.
        direction: What is on the way: upstream only what was read, or asked about;
            downstream only what was written, or asked about; between, both.
        type_title: Type of artifacts to show; empty for all. The starts are always shown.
        more_steps: Steps that a limit left out.
    """
    nodes = index.steps(steps)
    known = {step.id for step in nodes}
    edges = tuple(edge for edge in index.edges(steps) if edge.step in known)
    rows = sorted({*starts, *(edge.artifact for edge in edges)})
    found = {row.id: row for row in index.artifacts(rows)}
    edges = tuple(edge for edge in edges if edge.artifact in found)
    own = {found[row].key for row in starts if row in found}
    edges = _on_the_way(edges, found, own, direction)
    on_the_way = {edge.artifact for edge in edges}
    shown = {
        row.id
        for row in found.values()
        if row.key in own or (row.id in on_the_way and type_title in ("", row.type))
    }
    names = _names(edges, found)
    links = dict.fromkeys(
        Link(
            step=f"step:{edge.step}",
            artifact=found[edge.artifact].key,
            output=edge.output,
            name=edge.name,
            index=edge.index,
            uri=found[edge.artifact].uri,
        )
        for edge in edges
        if edge.artifact in shown
    )
    return Graph(
        starts=tuple(dict.fromkeys(found[row].key for row in starts if row in found)),
        artifacts=tuple(contents((found[row] for row in sorted(shown)), names)),
        steps=_ordered(nodes, edges, found),
        links=tuple(links),
        more_steps=more_steps,
    )


def _on_the_way(
    edges: Sequence[EdgeRow],
    rows: Mapping[int, ArtifactRow],
    starts: set[str],
    direction: Direction,
) -> tuple[EdgeRow, ...]:
    read = starts | {rows[edge.artifact].key for edge in edges if not edge.output}
    written = starts | {rows[edge.artifact].key for edge in edges if edge.output}
    return tuple(
        edge
        for edge in edges
        if (
            direction is Direction.DOWN or rows[edge.artifact].key in read
            if edge.output
            else direction is Direction.UP or rows[edge.artifact].key in written
        )
    )


def contents(
    rows: Iterable[ArtifactRow], names: Mapping[str, str] | None = None
) -> list[ArtifactNode]:
    """One node for all rows of equal bytes, oldest first."""
    groups: dict[str, list[ArtifactRow]] = defaultdict(list)
    for row in rows:
        groups[row.key].append(row)
    nodes = [
        ArtifactNode(
            key=key,
            digest=group[0].digest,
            name=(names or {}).get(key, ""),
            type=group[0].type,
            size=group[0].size,
            uris=tuple(sorted({row.uri for row in group})),
            created=min(row.created for row in group),
            rows=tuple(sorted(row.id for row in group)),
        )
        for key, group in groups.items()
    ]
    nodes.sort(key=lambda node: (node.created, node.rows))
    return nodes


def _names(edges: Iterable[EdgeRow], rows: Mapping[int, ArtifactRow]) -> dict[str, str]:
    """Name of each content: that of the first output, else of the first input."""
    names: dict[str, str] = {}
    for edge in sorted(edges, key=lambda edge: (not edge.output, edge.step, edge.name)):
        names.setdefault(rows[edge.artifact].key, edge.name)
    return names


def _ordered(
    steps: Sequence[StepRow], edges: Sequence[EdgeRow], rows: Mapping[int, ArtifactRow]
) -> tuple[StepRow, ...]:
    """Producers first; steps of a cycle (copies by content) in the order of their rows."""
    writers: dict[str, set[str]] = defaultdict(set)
    for edge in edges:
        if edge.output:
            writers[rows[edge.artifact].key].add(f"step:{edge.step}")
    upstream: dict[str, set[str]] = {step.key: set() for step in steps}
    for edge in edges:
        if not edge.output:
            upstream[f"step:{edge.step}"] |= writers[rows[edge.artifact].key]
    for key, before in upstream.items():
        before.discard(key)  # a copy reads and writes equal bytes
    order, cycle = producers_first(upstream, {step.key: step.id for step in steps})
    by_key = {step.key: step for step in steps}
    rest = sorted(by_key.keys() - set(order) - set(cycle))
    places = [*order, *cycle, *rest]
    if not cycle and not rest:
        return tuple(by_key[key] for key in places)
    return tuple(sorted(steps, key=lambda step: step.id))
