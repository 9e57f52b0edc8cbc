"""What a large store has in it, and the names under which benchmarks and tests find it.

A store of any size has the same shapes: a popular data set, chains of runs, copies, a long
run, and in between runs of a usual pipeline that fill it up to the number of artifacts that
is asked for. All of them are spread over nine months, so that what belongs together does not
lie together in the file.
"""

from __future__ import annotations

import heapq
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from operator import attrgetter
from pathlib import Path
from typing import ClassVar

from kfp_provenance.facts import Artifact, Digest, Step
from support.large_store import runs
from support.large_store.maker import digest, identity

START = datetime(2026, 1, 5, 6, 0, tzinfo=UTC)
SPAN = timedelta(days=270)
SMALLEST = 1_000


@dataclass(frozen=True)
class PlannedRun:
    """A run, and when it is.

    Attributes:
        position: From 0, the first of the store, to 1.
        steps: In the order in which they end.
        is_read_later: Whether steps of later runs name steps of this one as producers.
    """

    position: float
    steps: tuple[Step, ...]
    is_read_later: bool = False


@dataclass(frozen=True)
class LargeStore:
    """A store: where it is, and what there is to find in it.

    Attributes:
        path: The SQLite file.
        artifacts: Rows of artifacts, exactly.
    """

    path: Path
    artifacts: int

    popular: ClassVar[Artifact] = runs.raw("popular")
    """Data set that ``popular_runs`` runs read, each with six outputs, one of them a model."""
    chain_runs: ClassVar[int] = runs.CHAIN_RUNS
    long_run: ClassVar[str] = identity("long")
    long_steps: ClassVar[int] = runs.LONG_STEPS
    long_model: ClassVar[Digest] = digest(f"long/stage-{runs.LONG_STEPS - 1}/model")
    """End of one run in which each of ``long_steps`` steps reads what the one before wrote."""
    copied: ClassVar[Digest] = runs.COPIED
    copied_model: ClassVar[Digest] = digest("copies/train/model")
    """Trained on what a step wrote that had read the same bytes: a cycle of one digest."""
    plain: ClassVar[Digest] = runs.PLAIN
    packed: ClassVar[Digest] = runs.PACKED
    packed_model: ClassVar[Digest] = digest("packing/train/model")
    """Trained on what was packed and unpacked again: a cycle of two digests."""
    twin: ClassVar[Digest] = runs.TWIN
    twin_model: ClassVar[Digest] = digest("twin-reader/train/model")
    """Trained on bytes that two runs wrote, read at a third place."""

    def __post_init__(self) -> None:
        if self.artifacts < SMALLEST:
            raise ValueError(f"a store of all shapes has {SMALLEST} artifacts at least")

    @property
    def uri(self) -> str:
        """URI for ``open_reader``."""
        return f"sqlite:{self.path.resolve()}"

    @property
    def popular_runs(self) -> int:
        """Runs that read the popular data set: 10,000 in a store of 1,000,000."""
        return min(10_000, self.artifacts // 20)

    @property
    def popular_copies(self) -> int:
        """How many of them read it as a row of its own, joined by digest: a quarter."""
        return self.popular_runs // runs.COPY_EVERY

    @property
    def popular_steps(self) -> int:
        """Steps of these runs: three of each, and a fourth of those that publish."""
        return 3 * self.popular_runs + -(-self.popular_runs // runs.PUBLISH_EVERY)

    @property
    def popular_outputs(self) -> int:
        """What they wrote."""
        return self.popular_runs * runs.POPULAR_OUTPUTS

    def popular_model(self, number: int) -> Digest:
        """Model of one of the ``popular_runs``."""
        return digest(f"{runs.popular_name(number)}/train/model")

    @property
    def chains(self) -> int:
        """Number of chains; all kinds are there."""
        return max(len(runs.CHAIN_KINDS), self.artifacts // 2_500)

    def chain_model(self, chain: int = 0) -> Digest:
        """Model at the end of a chain; which of ``CHAIN_KINDS`` it is, says ``chain`` modulo 4."""
        return digest(f"{runs.chain_name(chain, self.chain_runs - 1)}/train/model")

    def chain_steps(self, chain: int = 0) -> int:
        """Steps behind that model: ``preprocess`` and ``train`` of each run, or fewer."""
        kind = runs.CHAIN_KINDS[chain % len(runs.CHAIN_KINDS)]
        return 2 * self.chain_runs if kind.output == "model" else self.chain_runs + 1

    @property
    def shared_datasets(self) -> int:
        """Data sets that the usual runs read; each of them in every pipeline."""
        return 7 if self.artifacts < 10 * SMALLEST else len(runs.SHARED)

    @property
    def background_runs(self) -> int:
        """Whole runs of the usual pipeline."""
        return self._left // runs.BACKGROUND_OUTPUTS

    @property
    def rest(self) -> int:
        """Outputs of a last run of one step, which makes the number of artifacts exact."""
        return self._left % runs.BACKGROUND_OUTPUTS

    @property
    def _left(self) -> int:
        popular = 1 + self.popular_copies + self.popular_outputs
        chains = sum(runs.chain_artifacts(chain) for chain in range(self.chains))
        others = runs.COPIES_ARTIFACTS + 1 + runs.LONG_STEPS + self.shared_datasets
        return self.artifacts - popular - chains - others

    def planned(self) -> Iterator[PlannedRun]:
        """All runs in the order of their starts, made one by one."""
        return heapq.merge(
            self._popular(), self._chains(), _copies(), self._background(),
            key=attrgetter("position"),
        )  # fmt: skip

    def _popular(self) -> Iterator[PlannedRun]:
        for number, position in _spread(self.popular_runs, 0.5):
            yield PlannedRun(position, runs.popular(number, _time(position), self.popular))

    def _chains(self) -> Iterator[PlannedRun]:
        ends: dict[int, tuple[Step, ...]] = {}
        for place in range(self.chain_runs):
            for chain, part in _spread(self.chains, 0.5):
                position = (place + part) / self.chain_runs
                before = ends.get(chain, ())
                ends[chain] = runs.chained(chain, place, _time(position), before)
                yield PlannedRun(position, ends[chain], is_read_later=True)

    def _background(self) -> Iterator[PlannedRun]:
        shared = self.shared_datasets
        for number, position in _spread(self.background_runs, 0.25):
            yield PlannedRun(position, runs.background(number, _time(position), shared))
        if self.rest:
            yield PlannedRun(1.0, runs.last(self.rest, _time(1.0)))


def _copies() -> Iterator[PlannedRun]:
    makers: tuple[Callable[[datetime], tuple[Step, ...]], ...] = (
        *(runs.twin_maker(number) for number in (0, 1)),
        runs.copies, runs.packing, runs.long, runs.twin_reader,
    )  # fmt: skip
    for number, make in enumerate(makers):
        position = 0.15 + 0.1 * number
        yield PlannedRun(position, make(_time(position)))


def _spread(count: int, offset: float) -> Iterator[tuple[int, float]]:
    """Numbers, and their positions from 0 to 1."""
    return ((number, (number + offset) / count) for number in range(count))


def _time(position: float) -> datetime:
    return START + position * SPAN
