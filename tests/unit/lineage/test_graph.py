"""Order and reach, against the transitive closure of random graphs."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from kfp_provenance.lineage.graph import producers_first, reachable

nodes = st.integers(0, 12).map(str)
graphs = st.dictionaries(nodes, st.sets(nodes, max_size=4), max_size=12)


def ancestors(upstream: dict[str, set[str]]) -> dict[str, set[str]]:
    """All producers of each node, their producers and so on, by brute force."""
    closure = {node: producers & upstream.keys() for node, producers in upstream.items()}
    for middle in upstream:
        for reached in closure.values():
            if middle in reached:
                reached.update(closure[middle])
    return closure


@given(graphs)
def test_every_producer_comes_first_and_cycles_are_left_over(upstream: dict[str, set[str]]) -> None:
    order, cycle = producers_first(upstream, dict.fromkeys(upstream, 0))
    position = {node: at for at, node in enumerate(order)}
    for node in order:
        assert all(position[p] < position[node] for p in upstream[node] & upstream.keys())
    in_cycles = {node for node, above in ancestors(upstream).items() if node in above}
    assert in_cycles <= set(cycle)
    assert not set(cycle) & set(order)
    assert bool(cycle) == bool(in_cycles)


@given(graphs, nodes)
def test_reach_is_the_ancestors(upstream: dict[str, set[str]], start: str) -> None:
    expected = {start} | ancestors(upstream)[start] if start in upstream else set()
    assert reachable([start], upstream) == expected


def test_rank_decides_between_independent_steps() -> None:
    order, _ = producers_first({"a": [], "b": [], "c": ["a", "b"]}, {"a": 2, "b": 1, "c": 0})
    assert order == ("b", "a", "c")
