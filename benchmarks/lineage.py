"""Lineage in stores of 10,000, 100,000 and 1,000,000 artifacts, beside MLMD's own client.

    python benchmarks/lineage.py [--quick] [--artifacts N ...] [--stores FOLDER] [--check]

The stores are those of ``tests/support/large_store``; they are made in ``build/large-stores``
(3.5 GB, five minutes) and used again. Each candidate answers each question in a process of its
own, which is started, loaded and connected before it is asked.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing, contextmanager
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from statistics import median

from _report import interleave, machine, write_section

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT / "tests"))

from support.large_store import LargeStore, kept_store  # noqa: E402

WORKER = Path(__file__).with_name("_lineage_worker.py")
CANDIDATES = OURS, FRAMES, PEER = "kfp-provenance", "frames", "MLMD"
SIZES = 10_000, 100_000, 1_000_000
TARGET_MEGABYTES = 500
FLAT = 2.0
"""How many times as long a trace may take in the largest store as in the smallest."""


@dataclass(frozen=True)
class Question:
    """What is asked of a store.

    Attributes:
        name: For the table.
        kind: ``trace``, ``impact`` or ``lookup``.
        digest: Of which artifact.
        expected: Steps (rows of ``lookup``) that there are to find.
        target: Milliseconds.
        rounds: How often it is asked.
    """

    name: str
    kind: str
    digest: str
    expected: int
    target: int
    rounds: int


@dataclass
class Result:
    """What came of one question to one store."""

    question: Question
    seconds: dict[str, list[float]]
    found: dict[str, int]
    peak: dict[str, int]

    def milliseconds(self, name: str) -> str:
        """Median; a dash for who was not asked."""
        return f"{median(self.seconds[name]) * 1000:,.1f}" if name in self.seconds else "-"

    def row(self, artifacts: int) -> str:
        """Line of the table."""
        question = self.question
        cells = [
            f"{artifacts:,}", question.name, f"{question.expected:,}",
            self.milliseconds(OURS), str(self.peak[OURS]), self.milliseconds(FRAMES),
            self.milliseconds(PEER), f"{self.found[PEER]:,}", str(self.peak[PEER]),
            f"{question.target:,}",
        ]  # fmt: skip
        return f"| {' | '.join(cells)} |"

    def missed(self, artifacts: int) -> Iterator[str]:
        """Targets that were missed."""
        name = f"{self.question.name}, {artifacts:,} artifacts"
        for who in self.seconds.keys() & {OURS, FRAMES}:
            if self.found[who] != self.question.expected:
                yield f"{name}: found {self.found[who]} of {self.question.expected} ({who})"
        if median(self.seconds[OURS]) * 1000 > self.question.target:
            yield f"{name}: {self.milliseconds(OURS)} ms"
        if self.peak[OURS] > TARGET_MEGABYTES:
            yield f"{name}: {self.peak[OURS]} MB"


def questions(store: LargeStore, rounds: int) -> list[Question]:
    """Everything that is asked of a store."""

    def trace(name: str, digest: object, steps: int) -> Question:
        return Question(f"trace: {name}", "trace", str(digest), steps, 50, rounds)

    chain = f"model of {store.chain_runs} runs"
    return [
        trace(f"{chain}, joined by digest", store.chain_model(0), store.chain_steps(0)),
        trace(f"{chain}, linked by producer", store.chain_model(1), store.chain_steps(1)),
        trace(f"model of {store.long_steps} steps", store.long_model, store.long_steps),
        Question(f"impact: data set in {store.popular_runs:,} runs", "impact",
                 str(store.popular.digest), store.popular_steps, 1000, max(2, rounds // 5)),
        Question("lookup by digest", "lookup", str(store.chain_model(3)), 1, 5, rounds),
    ]  # fmt: skip


class Worker:
    """A candidate that has a store open."""

    def __init__(self, name: str, store: LargeStore) -> None:
        command = [sys.executable, str(WORKER), name, str(store.path)]
        self._process = subprocess.Popen(
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )
        self.last = self._read()

    def ask(self, question: Question) -> float:
        """Seconds of one answer; the rest of it is in ``last``."""
        assert self._process.stdin is not None
        self._process.stdin.write(f"{json.dumps([question.kind, question.digest])}\n")
        self._process.stdin.flush()
        self.last = self._read()
        return float(self.last["seconds"])

    def close(self) -> None:
        """End it."""
        self._process.communicate(timeout=60)

    def _read(self) -> dict[str, float]:
        assert self._process.stdout is not None
        said: dict[str, float] = json.loads(self._process.stdout.readline())
        return said


def asking(worker: Worker, question: Question) -> Callable[[], float]:
    return lambda: worker.ask(question)


def measured(store: LargeStore, question: Question) -> Result:
    """Ask all candidates in turn, each in a process of its own."""
    names = [name for name in CANDIDATES if name != FRAMES or question.kind != "lookup"]
    with ExitStack() as stack:
        workers = {name: stack.enter_context(closing(Worker(name, store))) for name in names}
        acts = {name: asking(worker, question) for name, worker in workers.items()}
        seconds = interleave(acts, question.rounds)
        last = {name: worker.last for name, worker in workers.items()}
    return Result(
        question,
        seconds,
        {name: int(said["found"]) for name, said in last.items()},
        {name: int(said["peak"]) for name, said in last.items()},
    )


@contextmanager
def cold(store: LargeStore) -> Iterator[Worker]:
    """Our worker, over a file that is not in the page cache."""
    descriptor = os.open(store.path, os.O_RDONLY)
    os.fsync(descriptor)
    os.posix_fadvise(descriptor, 0, 0, os.POSIX_FADV_DONTNEED)
    os.close(descriptor)
    with closing(Worker(OURS, store)) as worker:
        yield worker


def table(results: dict[LargeStore, list[Result]], first: list[float]) -> str:
    """The section."""
    lines = [
        "## Lineage (`benchmarks/lineage.py`)",
        "",
        "| artifacts | question | steps to find | kfp-provenance, ms | MB | as frames, ms |"
        " `get_lineage_subgraph`, ms | found | MB | target, ms |",
        f"|{'---|' * 10}",
    ]
    lines += [result.row(store.artifacts) for store in results for result in results[store]]
    sizes = ", ".join(f"{store.path.stat().st_size / 1e6:,.0f} MB" for store in results)
    lines += [
        "",
        "Medians; a process of its own for each candidate and question, MB are the most that it"
        f" had (target {TARGET_MEGABYTES}). Ours finds all steps, as a graph or a summary, or as"
        " pandas frames. MLMD's client is asked for artifacts, executions and events over its"
        " limit of 100 hops, and begins with the rows of the digest, of which it takes 101; it does"
        " not join by digest. Lookup is `get_artifacts` there, with a filter.",
        f"Files: {sizes}. First trace after the file had left the page cache:"
        f" {', '.join(f'{seconds * 1000:,.0f} ms' for seconds in first)}.",
        f"Machine: {machine()}. ml-metadata {version('ml-metadata')}, store in SQLite. Load average"
        f" at the end {os.getloadavg()[0]:.1f}.",
    ]
    return "\n".join(lines)


def missed(results: dict[LargeStore, list[Result]]) -> list[str]:
    """Targets that were missed, and traces that are not flat."""
    found = [text for store in results for result in results[store]
             for text in result.missed(store.artifacts)]  # fmt: skip
    smallest, *_, largest = results.values() if len(results) > 1 else [[], []]
    for small, large in zip(smallest, largest, strict=True):
        times = median(large.seconds[OURS]) / median(small.seconds[OURS])
        if large.question.kind != "impact" and times > FLAT:
            found.append(f"{large.question.name}: {times:.1f} times as long in the largest store")
    return found


def measure(folder: Path, sizes: list[int], rounds: int) -> tuple[str, list[str]]:
    """The section, and what missed its target."""
    results: dict[LargeStore, list[Result]] = {}
    first = []
    for artifacts in sizes:
        store = kept_store(folder, artifacts)
        asked = questions(store, rounds)
        with cold(store) as worker:
            first.append(worker.ask(asked[0]))
        results[store] = []
        for question in asked:
            result = measured(store, question)
            results[store].append(result)
            print(result.row(artifacts), file=sys.stderr, flush=True)
    return table(results, first), missed(results)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--quick", action="store_true", help="the smallest store, 3 rounds")
    parser.add_argument("--artifacts", type=int, nargs="+", help="other sizes; writes nothing")
    parser.add_argument("--stores", type=Path, default=ROOT / "build" / "large-stores")
    parser.add_argument("--check", action="store_true", help="fail below a target")
    options = parser.parse_args()
    sizes = options.artifacts or (SIZES[:1] if options.quick else SIZES)
    markdown, below = measure(options.stores, list(sizes), 3 if options.quick else 15)
    print(markdown)
    if not options.quick and not options.artifacts:
        write_section("lineage", markdown)
    for what in below:
        print(f"below its target: {what}", file=sys.stderr)
    return 1 if options.check and below else 0


if __name__ == "__main__":
    sys.exit(main())
