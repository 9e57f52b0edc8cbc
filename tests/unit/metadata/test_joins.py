"""Joins by digest of many readers and writers at once, against the rule taken pair by pair."""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping, Sequence

from hypothesis import given, settings
from hypothesis import strategies as st

from kfp_provenance.metadata.joins import Access, readers_of, writers_of

_accesses = st.lists(
    st.builds(Access, st.integers(1, 6), st.sampled_from("xy"), st.integers(0, 3)), max_size=8
)
_runs = st.dictionaries(st.integers(1, 6), st.sampled_from("ab"), max_size=6)


def pairs(
    readings: Sequence[Access], writings: Sequence[Access], runs: Mapping[int, str]
) -> Iterator[tuple[int, int]]:
    """Reader and writer, one after the other."""
    for read in readings:
        earlier = [
            wrote.step
            for wrote in writings
            if wrote.digest == read.digest and wrote.step != read.step and wrote.at <= read.at
        ]
        own = [step for step in earlier if read.step in runs and runs.get(step) == runs[read.step]]
        for writer in own or earlier:
            yield read.step, writer


@settings(max_examples=400)
@given(_accesses, _accesses, _runs, st.sets(st.integers(1, 6)))
def test_both_directions(
    readings: list[Access], writings: list[Access], runs: dict[int, str], reached: set[int]
) -> None:
    joined = list(pairs(readings, writings, runs))
    assert writers_of(readings, writings, runs) == {writer for _, writer in joined}
    assert readers_of(readings, writings, runs, reached) == {
        reader for reader, writer in joined if writer in reached
    }


def test_thousands_that_read_and_write_equal_bytes() -> None:
    """As many pairs as would take minutes one by one."""
    many = 20_000
    writings = [Access(step, "x", step) for step in range(many)]
    readings = [Access(step, "x", step) for step in range(many)]
    runs = {step: f"run-{step % 5000}" for step in range(many)}
    start = time.process_time()
    # each run's last step is nobody's writer; its first reads what any run wrote before
    assert len(writers_of(readings, writings, runs)) == 15_000
    assert len(readers_of(readings, writings, runs, set(range(0, many, 2)))) == 4_999 + 7_500
    assert time.process_time() - start < 10
