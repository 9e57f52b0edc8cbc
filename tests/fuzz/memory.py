"""Reads large documents, each in a process of its own, and says what that takes.

PYTHONPATH=tests python -m fuzz.memory           all of them, in a table
PYTHONPATH=tests python -m fuzz.memory CASE FILE one of them, in this process
"""

from __future__ import annotations

import json
import logging
import os
import resource
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

from fuzz.memory_cases import CASES, Case, bundle, policy, root
from fuzz.originals import CORPUS, keyless
from fuzz.policy_texts import files

_MEBI = 1024 * 1024
_ADDRESSES = 4096 * _MEBI
"""Address space of a process that reads; libraries alone reserve most of a gigabyte."""


@dataclass(frozen=True)
class Cost:
    """What reading a document took, and what came of it; seconds of this process alone."""

    codes: str
    megabytes: int
    seconds: float

    def problems(self, case: Case) -> list[str]:
        """What is more, or other, than it may be."""
        found = []
        if self.codes != case.codes:
            found.append(f"{self.codes or 'it died'} instead of {case.codes}")
        if self.megabytes > case.megabytes:
            found.append(f"{self.megabytes} MB, at most {case.megabytes}")
        if self.seconds > case.seconds:
            found.append(f"{self.seconds:.0f} s, at most {case.seconds}")
        return [f"{case.name}: {problem}" for problem in found]


def highest() -> int:
    """Most memory that this program had at any time, in KiB; unlike getrusage not its parent's."""
    status = Path("/proc/self/status").read_text("ascii")
    return int(status.partition("VmHWM:")[2].split()[0])


def read(case: Case, path: Path) -> Cost:
    """In this process: once something small, then the document."""
    logging.disable()
    warm = path.with_name("warm.sigstore.jsonl")
    warm.write_bytes(keyless()[1].material.bundle)
    bundle(warm)
    root(CORPUS / "trusted_root.json")
    for name in ("policy.toml", "policy.yaml"):
        path.with_name(name).write_text("version = 1")
        policy(path.with_name(name))
    before, start = highest(), time.process_time()
    codes = case.use(path)
    return Cost(codes, (highest() - before) // 1024, time.process_time() - start)


def measured(case: Case) -> Cost:
    """In a process of its own, with little memory."""
    with TemporaryDirectory() as folder:
        suffix = Path(case.name.split()[0]).suffix
        path = Path(folder) / f"large{suffix}"
        path.write_bytes(case.make())
        for name, data in files().items():
            (Path(folder) / name).write_bytes(data)
        done = subprocess.run(
            [sys.executable, "-m", "fuzz.memory", case.name, str(path)],
            env={**os.environ, "PYTHONPATH": str(Path(__file__).parents[1])},
            capture_output=True, text=True, check=False, timeout=20 * case.seconds,
        )  # fmt: skip
    if done.returncode:
        return Cost(f"it died: {done.stderr.strip()[-200:]}", 0, 0.0)
    return Cost(**json.loads(done.stdout))


def main() -> int:
    """Exit code of the program."""
    if len(sys.argv) > 2:
        resource.setrlimit(resource.RLIMIT_AS, (_ADDRESSES, _ADDRESSES))
        print(json.dumps(vars(read(CASES[sys.argv[1]], Path(sys.argv[2])))))
        return 0
    with ThreadPoolExecutor(len(os.sched_getaffinity(0))) as pool:
        costs = list(pool.map(measured, CASES.values()))
    print(f"{'document':<32}{'MB':>5}{'at most':>9}{'seconds':>9}{'at most':>9}  came of it")
    wrong: list[str] = []
    for case, cost in zip(CASES.values(), costs, strict=True):
        wrong += cost.problems(case)
        print(
            f"{case.name:<32}{cost.megabytes:>5}{case.megabytes:>9}{cost.seconds:>9.1f}"
            f"{case.seconds:>9}  {cost.codes}"
        )
    print(*wrong, sep="\n", end="\n" if wrong else "")
    print(f"{len(wrong)} of {len(costs)} documents took more than they may")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
