"""Place the nodes of a lineage in layers, from the roots on the left to the model."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

_SWEEPS = 8


@dataclass(frozen=True)
class Placed:
    """A node in the picture: column from the left, row from the top."""

    node: str
    column: int
    row: float


def place(nodes: Sequence[str], edges: Iterable[tuple[str, str]]) -> tuple[Placed, ...]:
    """Layered layout of a graph without cycles (Sugiyama, Tagawa and Toda, 1981).

    Args:
        nodes: Every node, in an order that the layout keeps where nothing else decides.
        edges: Pairs of nodes, from the earlier to the later.

    Returns:
        The nodes with their columns and rows; rows of shorter columns are centred.
    """
    sources: dict[str, list[str]] = defaultdict(list)
    targets: dict[str, list[str]] = defaultdict(list)
    for start, end in edges:
        sources[end].append(start)
        targets[start].append(end)
    columns = _columns(nodes, sources, targets)
    layers: dict[int, list[str]] = defaultdict(list)
    for node in nodes:
        layers[columns[node]].append(node)
    for sweep in range(_SWEEPS):
        forward = sweep % 2 == 0
        neighbours = sources if forward else targets
        for column in sorted(layers, reverse=not forward):
            _sort_by_neighbours(layers, column, neighbours)
    tallest = max((len(layer) for layer in layers.values()), default=0)
    return tuple(
        Placed(node, column, row + (tallest - len(layer)) / 2)
        for column, layer in sorted(layers.items())
        for row, node in enumerate(layer)
    )


def _columns(
    nodes: Sequence[str], sources: Mapping[str, list[str]], targets: Mapping[str, list[str]]
) -> dict[str, int]:
    """Longest path from a root; nodes of a cycle, which a chain never has, stay at 0."""
    waiting = {node: len(sources.get(node, ())) for node in nodes}
    columns = dict.fromkeys(nodes, 0)
    ready = [node for node in nodes if not waiting[node]]
    while ready:
        node = ready.pop()
        for target in targets.get(node, ()):
            columns[target] = max(columns[target], columns[node] + 1)
            waiting[target] -= 1
            if not waiting[target]:
                ready.append(target)
    # a root belongs beside the step that reads it, not at the far left
    for node in nodes:
        if not sources.get(node) and targets.get(node):
            columns[node] = min(columns[target] for target in targets[node]) - 1
    return columns


def _sort_by_neighbours(
    layers: dict[int, list[str]], column: int, neighbours: Mapping[str, list[str]]
) -> None:
    rows = {node: row for layer in layers.values() for row, node in enumerate(layer)}

    def centre(node: str) -> float:
        near = [rows[other] for other in neighbours.get(node, ())]
        return sum(near) / len(near) if near else rows[node]

    layers[column].sort(key=centre)
