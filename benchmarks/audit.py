"""The audit trail: decisions recorded per second, each on the disk before its receipt.

    python benchmarks/audit.py [--quick] [--check]

Beside it, in the same rounds and with as many callers: ``logging.FileHandler`` with an fsync
for each record, and SQLite with a commit for each. Then a trail of a million decisions is
verified by a process of its own, which tells the most memory that it took.
"""

from __future__ import annotations

import argparse
import asyncio
import logging
import os
import sqlite3
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from statistics import median

from _report import interleave, machine, ratio, write_section

TESTS = Path(__file__).resolve().parents[1] / "tests"
sys.path.insert(0, str(TESTS))

from kfp_provenance.audit import AuditTrail  # noqa: E402
from kfp_provenance.audit.encoding import encode_record  # noqa: E402
from support.audit import Gate, gate, record  # noqa: E402

CALLERS = 64
TARGET_PER_SECOND = 1000
RECORD = record()

_VERIFY = """
import resource, sys, time
from pathlib import Path
from kfp_provenance.attest.identifiers import GATE_BUILDER
from kfp_provenance.audit import verify_trail
from kfp_provenance.verify import Trust
trust = Trust.for_key(Path(sys.argv[2]).read_bytes(), (GATE_BUILDER,))
begin = time.perf_counter()
report = verify_trail(sys.argv[1], trust)
took = time.perf_counter() - begin
assert report.verdict.passed and report.not_covered == 0, report.verdict
print(took, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024)
"""


class Synced(logging.FileHandler):
    """Waits for the disk after each record, as the trail does."""

    def emit(self, entry: logging.LogRecord) -> None:
        super().emit(entry)
        os.fsync(self.stream.fileno())


def by_threads(act: Callable[[int], object], count: int) -> float:
    """Seconds of ``count`` calls by as many threads as there are callers."""
    begin = time.perf_counter()
    with ThreadPoolExecutor(CALLERS) as pool:
        list(pool.map(act, range(count)))
    return time.perf_counter() - begin


def by_tasks(trail: AuditTrail, count: int) -> float:
    """Seconds of ``count`` records by as many tasks of one event loop."""

    async def caller() -> None:
        for _ in range(count // CALLERS):
            await trail.append_async(RECORD)

    async def main() -> None:
        await asyncio.gather(*(caller() for _ in range(CALLERS)))

    begin = time.perf_counter()
    asyncio.run(main())
    return time.perf_counter() - begin


def candidates(made: Gate, count: int) -> dict[str, Callable[[], float]]:
    """Each records ``count`` decisions and tells the seconds."""
    trail = made.open()
    handler = Synced(made.folder.parent / "peer.log")
    database = sqlite3.connect(made.folder.parent / "peer.db", check_same_thread=False)
    database.execute("pragma synchronous = full")
    database.execute("create table decisions (record blob)")
    lock = threading.Lock()

    def log(_number: int) -> None:
        text = encode_record(RECORD).decode()
        handler.handle(logging.LogRecord("audit", logging.INFO, "", 0, text, None, None))

    def insert(_number: int) -> None:
        data = encode_record(RECORD)
        with lock, database:
            database.execute("insert into decisions values (?)", (data,))

    return {
        "the trail, tasks": lambda: by_tasks(trail, count),
        "the trail, threads": lambda: by_threads(lambda _: trail.append(RECORD), count),
        "logging.FileHandler, fsync": lambda: by_threads(log, count),
        "SQLite, commit": lambda: by_threads(insert, count),
    }


def verified(made: Gate, count: int) -> str:
    """A row: a trail of ``count`` decisions, verified by a new process."""
    with made.open("large") as trail:
        by_tasks(trail, count)
    command = [sys.executable, "-c", _VERIFY, str(made.folder), str(made.public)]
    said = subprocess.run(command, check=True, capture_output=True, text=True).stdout.split()
    size = sum(path.stat().st_size for path in made.folder.glob("*/*")) / 1e6
    done = count // CALLERS * CALLERS
    seconds, memory = float(said[0]), float(said[1])
    return f"| {done:,} | {size:,.0f} | {seconds:.1f} | {done / seconds:,.0f} | {memory:.0f} |"


def measure(folder: Path, count: int, rounds: int, large: int) -> tuple[str, list[str]]:
    """The section, and what missed its target."""
    seconds = interleave(candidates(gate(folder / "appends"), count), rounds)
    ours = seconds["the trail, tasks"]
    rows = [
        f"| {name} | {count / median(took):,.0f} | {ratio(ours, took):.1f} x |"
        for name, took in seconds.items()
    ]
    lines = [
        "## The audit trail (`benchmarks/audit.py`)",
        "",
        f"| {count} decisions of {len(encode_record(RECORD))} bytes by {CALLERS} callers, each on "
        "the disk before its receipt | a second | the trail by tasks is faster by |",
        "|---|---|---|",
        *rows,
        "",
        "| decisions verified | MB | seconds | a second | most memory, MB |",
        "|---|---|---|---|---|",
        verified(gate(folder / "large"), large),
        "",
        f"Machine: {machine()}. {rounds} rounds; load average at their end "
        f"{os.getloadavg()[0]:.1f}.",
    ]
    slow = count / median(ours)
    missed = [f"{slow:.0f} decisions a second"] if slow < TARGET_PER_SECOND else []
    return "\n".join(lines), missed


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--quick", action="store_true", help="3 rounds; writes nothing")
    parser.add_argument("--check", action="store_true", help="fail below a target")
    options = parser.parse_args()
    # not in a file system of memory, which has no disk to wait for
    with tempfile.TemporaryDirectory(dir=Path.cwd()) as name:
        sizes = (640, 3, 20_000) if options.quick else (6400, 7, 1_000_000)
        markdown, missed = measure(Path(name), *sizes)
    print(markdown)
    if not options.quick:
        write_section("audit", markdown)
    for what in missed:
        print(f"below its target: {what}", file=sys.stderr)
    return 1 if options.check and missed else 0


if __name__ == "__main__":
    sys.exit(main())
