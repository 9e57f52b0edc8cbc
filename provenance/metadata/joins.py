"""Joins by digest: who wrote, before, the bytes of a row that nobody is recorded to have written.

The rule of :mod:`kfp_provenance.metadata.graph`, for many readers and writers of equal bytes
at once: thousands of runs that make, and read, the same bytes cost no more than their number.
"""

from __future__ import annotations

from bisect import bisect_left
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass


@dataclass(frozen=True)
class Access:
    """A step read or wrote bytes.

    Attributes:
        step: Row of the step.
        digest: Of the bytes.
        at: When, milliseconds since 1970.
    """

    step: int
    digest: str
    at: int


def writers_of(
    readings: Iterable[Access], writings: Iterable[Access], runs: Mapping[int, str]
) -> set[int]:
    """Steps that one of the readers follows.

    Args:
        readings: Of rows that nobody wrote.
        writings: All of those digests, by steps that made them.
        runs: Run of each step that says one.
    """
    found: set[int] = set()
    writers = _by_digest(writings)
    for digest, readers in _by_digest(readings).items():
        by_run = _by_run(writers[digest], runs)
        others: list[Access] = []
        for reader in readers:
            own = _own_writers(reader, by_run, runs)
            found |= own
            if not own:
                others.append(reader)
        found |= _before_any(writers[digest], others)
    return found


def readers_of(
    readings: Iterable[Access],
    writings: Iterable[Access],
    runs: Mapping[int, str],
    reached: AbstractSet[int],
) -> set[int]:
    """Steps that follow one of the steps in ``reached``: the same rule, the other way round."""
    found: set[int] = set()
    writers = _by_digest(writings)
    for digest, readers in _by_digest(readings).items():
        by_run = _by_run(writers[digest], runs)
        earliest = _two_earliest(w for w in writers[digest] if w.step in reached)
        for reader in readers:
            own = _own_writers(reader, by_run, runs)
            others = [w for w in earliest if w.step != reader.step and w.at <= reader.at]
            if (own & reached) if own else others:
                found.add(reader.step)
    return found


def _by_digest(accesses: Iterable[Access]) -> defaultdict[str, list[Access]]:
    groups: defaultdict[str, list[Access]] = defaultdict(list)
    for access in accesses:
        groups[access.digest].append(access)
    return groups


def _by_run(writers: Iterable[Access], runs: Mapping[int, str]) -> dict[str, list[Access]]:
    groups: dict[str, list[Access]] = defaultdict(list)
    for writer in writers:
        if run := runs.get(writer.step):
            groups[run].append(writer)
    return groups


def _own_writers(
    reader: Access, by_run: Mapping[str, Sequence[Access]], runs: Mapping[int, str]
) -> set[int]:
    """Other steps of the reader's run that had written the bytes."""
    own = by_run.get(runs.get(reader.step, ""), ())
    return {w.step for w in own if w.step != reader.step and w.at <= reader.at}


def _before_any(writers: Iterable[Access], readers: Sequence[Access]) -> set[int]:
    """Writers that another step among the readers came after."""
    times = sorted(reader.at for reader in readers)
    own: dict[int, list[int]] = defaultdict(list)
    for reader in readers:
        own[reader.step].append(reader.at)
    found = set()
    for writer in writers:
        later = len(times) - bisect_left(times, writer.at)
        itself = sum(at >= writer.at for at in own.get(writer.step, ()))
        if later > itself:
            found.add(writer.step)
    return found


def _two_earliest(writers: Iterable[Access]) -> list[Access]:
    """The earliest writing, and the earliest by another step: a reader may be one of them."""
    ordered = sorted(writers, key=lambda writer: writer.at)
    others = (writer for writer in ordered if writer.step != ordered[0].step)
    return [*ordered[:1], *[w for w in (next(others, None),) if w is not None]]
