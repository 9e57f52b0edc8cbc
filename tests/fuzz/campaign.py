"""Many mutants of one kind, each by its own random numbers, within limits of time and memory."""

from __future__ import annotations

import logging
import resource
import signal
import time
import traceback
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from random import Random
from types import FrameType

from fuzz.kinds import Kind, every_kind

DEADLINE = 30
"""Seconds for one mutant; they take milliseconds."""
MEMORY = 3 * 1024**3
"""Address space of a process that judges mutants."""


class OutOfTimeError(BaseException):
    """Not an Exception: what is under test must not catch it."""


@dataclass
class Tally:
    """What came of the mutants of one kind."""

    outcomes: Counter[str] = field(default_factory=Counter)
    levels: Counter[str] = field(default_factory=Counter)
    accepted: int = 0
    violations: list[str] = field(default_factory=list)
    seconds: float = 0.0
    slowest: float = 0.0

    @property
    def mutants(self) -> int:
        """How many were judged."""
        return sum(self.outcomes.values()) + len(self.violations)

    def add(self, other: Tally) -> None:
        """Of another process."""
        self.outcomes += other.outcomes
        self.levels += other.levels
        self.accepted += other.accepted
        self.violations += other.violations
        self.seconds += other.seconds
        self.slowest = max(self.slowest, other.slowest)


def numbers_of(seed: str, kind: Kind, number: int) -> Random:
    """The random numbers of one mutant: so it can be made again alone."""
    return Random(f"{seed}/{kind.name}/{number}")  # noqa: S311


def limited() -> None:
    """Bound the memory of this process; silence the libraries."""
    resource.setrlimit(resource.RLIMIT_AS, (MEMORY, resource.RLIM_INFINITY))
    logging.disable()


@contextmanager
def deadline(seconds: int = DEADLINE) -> Iterator[None]:
    """Raise OutOfTimeError in whatever takes longer."""

    def end(number: int, frame: FrameType | None) -> None:
        raise OutOfTimeError(f"longer than {seconds} s")

    before = signal.signal(signal.SIGALRM, end)
    signal.alarm(seconds)
    try:
        yield
    finally:
        signal.alarm(0)
        signal.signal(signal.SIGALRM, before)


def judge_one(kind: Kind, mutant: bytes) -> tuple[str, bool, str]:
    """Label, whether it was accepted, and what must not be; one of the texts is empty."""
    try:
        with deadline():
            result = kind.judge(mutant)
    except KeyboardInterrupt:
        raise
    except BaseException:  # noqa: BLE001 - also what a library written in Rust panics with
        return "", False, traceback.format_exc()
    return result.label, result.accepted, ""


def run(name: str, seed: str, numbers: range, folder: Path) -> Tally:
    """Judge the mutants of these numbers; write those that do what must not be."""
    kind, tally = every_kind()[name], Tally()
    begin = time.perf_counter()
    for number in numbers:
        level, mutant = kind.mutate(numbers_of(seed, kind, number))
        start = time.perf_counter()
        label, accepted, problem = judge_one(kind, mutant)
        tally.slowest = max(tally.slowest, time.perf_counter() - start)
        tally.levels[level] += 1
        if problem:
            tally.violations.append(write_down(folder, kind, f"{seed}-{number}", mutant, problem))
        else:
            tally.outcomes[str(label)] += 1
            tally.accepted += accepted
    tally.seconds = time.perf_counter() - begin
    return tally


def write_down(folder: Path, kind: Kind, name: str, mutant: bytes, problem: str) -> str:
    """Keep a mutant and what it did; returns how to see it again."""
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / f"{kind.name.replace('/', '_')}-{name}.mutant"
    path.write_bytes(mutant)
    path.with_suffix(".txt").write_text(problem, "utf-8", "backslashreplace")
    reason = problem.strip().rpartition("\n")[2][:200]
    return f"{kind.name}: {reason}\n    make fuzz KIND={kind.name} MUTANT={path}"
