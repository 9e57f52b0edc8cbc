"""Place the nodes of a lineage in layers, from the roots on the left to the model."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise

_SWEEPS = 8


@dataclass(frozen=True)
class Point:
    """A place in the picture: column from the left, row from the top."""

    column: int
    row: float


@dataclass(frozen=True)
class Layout:
    """Where everything goes.

    Attributes:
        nodes: Place of each node.
        edges: Points of each edge, from its start to its end; an edge over several columns
            has one in each of them, so that it passes between the nodes.
    """

    nodes: Mapping[str, Point]
    edges: Mapping[tuple[str, str], tuple[Point, ...]]


def place(nodes: Sequence[str], edges: Iterable[tuple[str, str]]) -> Layout:
    """Layered layout of a graph without cycles (Sugiyama, Tagawa and Toda, 1981).

    Args:
        nodes: Every node, in an order that the layout keeps where nothing else decides.
        edges: Pairs of nodes, from the earlier to the later.

    Returns:
        Places of nodes and edges; rows of shorter columns are centred.
    """
    pairs = list(edges)
    columns = _columns(nodes, *_neighbours(pairs))
    routes = {pair: _route(pair, columns) for pair in pairs}
    sources, targets = _neighbours(step for route in routes.values() for step in pairwise(route))
    layers: dict[int, list[str]] = defaultdict(list)
    for node in (*nodes, *(stop for route in routes.values() for stop in route[1:-1])):
        layers[columns[node]].append(node)
    for sweep in range(_SWEEPS):
        forward = sweep % 2 == 0
        for column in sorted(layers, reverse=not forward):
            _sort_by_neighbours(layers, column, sources if forward else targets)
    tallest = max((len(layer) for layer in layers.values()), default=0)
    points = {
        node: Point(column, row + (tallest - len(layer)) / 2)
        for column, layer in layers.items()
        for row, node in enumerate(layer)
    }
    return Layout(
        {node: points[node] for node in nodes},
        {pair: tuple(points[stop] for stop in route) for pair, route in routes.items()},
    )


def _route(pair: tuple[str, str], columns: dict[str, int]) -> list[str]:
    """Nodes that an edge goes through, with a new one in each column between its ends."""
    start, end = pair
    between = {
        f"{start} to {end} in {column}": column
        for column in range(columns[start] + 1, columns[end])
    }
    columns.update(between)
    return [start, *between, end]


def _neighbours(
    edges: Iterable[tuple[str, str]],
) -> tuple[dict[str, list[str]], dict[str, list[str]]]:
    sources: dict[str, list[str]] = defaultdict(list)
    targets: dict[str, list[str]] = defaultdict(list)
    for start, end in edges:
        sources[end].append(start)
        targets[start].append(end)
    return sources, targets


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
