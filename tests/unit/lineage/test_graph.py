"""Order and reach, against a reference on random graphs."""

from __future__ import annotations

import networkx as nx
from hypothesis import given
from hypothesis import strategies as st

from kfp_provenance.lineage.graph import producers_first, reachable

nodes = st.integers(0, 12).map(str)
graphs = st.dictionaries(nodes, st.sets(nodes, max_size=4), max_size=12)


def reference(upstream: dict[str, set[str]]) -> nx.DiGraph:
    graph = nx.DiGraph()
    graph.add_nodes_from(upstream)
    graph.add_edges_from((p, n) for n, ps in upstream.items() for p in ps if p in upstream)
    return graph


@given(graphs)
def test_every_producer_comes_first_and_cycles_are_left_over(upstream: dict[str, set[str]]) -> None:
    order, cycle = producers_first(upstream, dict.fromkeys(upstream, 0))
    graph = reference(upstream)
    position = {node: at for at, node in enumerate(order)}
    for node in order:
        assert all(position[p] < position[node] for p in graph.predecessors(node))
    in_cycles = {
        n
        for part in nx.strongly_connected_components(graph)
        for n in part
        if len(part) > 1 or graph.has_edge(n, n)
    }
    assert in_cycles <= set(cycle)
    assert not set(cycle) & set(order)
    assert bool(cycle) == bool(in_cycles)


@given(graphs, nodes)
def test_reach_is_the_ancestors(upstream: dict[str, set[str]], start: str) -> None:
    found = reachable([start], upstream)
    graph = reference(upstream)
    expected = {start} | nx.ancestors(graph, start) if start in graph else set()
    assert found == expected


def test_rank_decides_between_independent_steps() -> None:
    order, _ = producers_first({"a": [], "b": [], "c": ["a", "b"]}, {"a": 2, "b": 1, "c": 0})
    assert order == ("b", "a", "c")
