"""Order and reach in a graph of steps; iterative, so that depth has no limit."""

from __future__ import annotations

import heapq
from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping
from typing import Any


def producers_first(
    upstream: Mapping[str, Collection[str]], rank: Mapping[str, Any]
) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Order nodes so that every producer comes before its consumers.

    Args:
        upstream: Producers of each node; producers that are not nodes are ignored.
        rank: Sort key (any one comparable type) that decides between nodes which may
            both come next; equal ranks are ordered by name.

    Returns:
        The ordered nodes, and those that lie on or between cycles, sorted.
    """
    waiting = {node: {p for p in upstream[node] if p in upstream} for node in upstream}
    consumers = _reverse(waiting)
    ready = [(rank[node], node) for node, producers in waiting.items() if not producers]
    heapq.heapify(ready)
    ordered: list[str] = []
    while ready:
        _, node = heapq.heappop(ready)
        ordered.append(node)
        del waiting[node]
        for consumer in consumers[node]:
            waiting[consumer].discard(node)
            if not waiting[consumer]:
                heapq.heappush(ready, (rank[consumer], consumer))
    return tuple(ordered), tuple(sorted(_without_ends(waiting)))


def reachable(starts: Iterable[str], upstream: Mapping[str, Collection[str]]) -> set[str]:
    """All nodes upstream of ``starts``, with ``starts`` themselves."""
    seen: set[str] = set()
    todo = [start for start in starts if start in upstream]
    while todo:
        node = todo.pop()
        if node not in seen:
            seen.add(node)
            todo.extend(p for p in upstream[node] if p in upstream and p not in seen)
    return seen


def _reverse(upstream: Mapping[str, Collection[str]]) -> defaultdict[str, set[str]]:
    consumers: defaultdict[str, set[str]] = defaultdict(set)
    for node, producers in upstream.items():
        for producer in producers:
            consumers[producer].add(node)
    return consumers


def _without_ends(rest: Mapping[str, set[str]]) -> set[str]:
    """Drop nodes that only follow a cycle: they are not part of one."""
    left = set(rest)
    consumers = _reverse(rest)
    ends = [node for node in left if not consumers[node]]
    while ends:
        node = ends.pop()
        left.discard(node)
        for producer in rest[node]:
            consumers[producer].discard(node)
            if not consumers[producer] and producer in left:
                ends.append(producer)
    return left
