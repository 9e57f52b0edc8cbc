"""Run atheris over one kind of each document, in parallel, and say how far it came.

PYTHONPATH=tests python -m fuzz.guided --python .venv-interop/bin/python
"""

from __future__ import annotations

import argparse
import os
import re
import secrets
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from zlib import crc32

FOLDER = Path("build/fuzz")
TARGETS = (
    "bundle/tabular",
    "bundle/keyless-short",
    "statement",
    "policy.toml",
    "policy.yaml",
    "trusted_root.json",
    "listing/names",
)
_STATUS = re.compile(r"^#\d+\s+(?:INITED|DONE)\s.*?cov: (\d+) ft: (\d+) corp: (\d+)", re.MULTILINE)


@dataclass(frozen=True)
class Outcome:
    """What came of one target."""

    kind: str
    returned: int
    text: str

    @property
    def row(self) -> str:
        """For the table: coverage and corpus before and after."""
        found = _STATUS.findall(self.text)
        if len(found) != 2:
            return f"{self.kind:<22}  it did not end"
        (before, _, _), (after, features, corpus) = found
        ended = "" if self.returned == 0 else f"  exit code {self.returned}"
        return f"{self.kind:<22}{before:>8}{after:>8}{features:>10}{corpus:>8}{ended}"


def run(python: str, kind: str, runs: int, seed: int) -> Outcome:
    """One target in a process of its own; what it prints is kept."""
    FOLDER.mkdir(parents=True, exist_ok=True)
    command = [python, "-m", "fuzz.atheris_kinds", kind, f"-runs={runs}", f"-seed={seed}"]
    done = subprocess.run(
        [*command, "-timeout=60", "-rss_limit_mb=2048"],
        capture_output=True, text=True, errors="replace", check=False,
    )  # fmt: skip
    text = done.stdout + done.stderr
    (FOLDER / f"atheris-{kind.replace('/', '_')}.log").write_text(text, "utf-8")
    return Outcome(kind, done.returncode, text)


def installed(python: str) -> bool:
    """Whether atheris is there."""
    if not Path(python).exists():
        return False
    command = [python, "-c", "import atheris"]
    return subprocess.run(command, capture_output=True, check=False).returncode == 0


def main() -> int:
    """Exit code of the program."""
    parser = argparse.ArgumentParser(prog="guided", description=__doc__)
    parser.add_argument("--python", default=sys.executable, help="of an environment with atheris")
    parser.add_argument("--runs", type=int, default=5000, help="of each target")
    parser.add_argument("--seed", default="", help="as an earlier run printed it")
    parser.add_argument("--jobs", type=int, default=len(os.sched_getaffinity(0)))
    given = parser.parse_args()
    if not installed(given.python):
        required = bool(os.environ.get("KPROV_NO_SKIP"))
        print(f"{'error' if required else 'skipped'}: atheris is not in {given.python}")
        return int(required)
    seed = given.seed or secrets.token_hex(4)
    number = crc32(seed.encode()) or 1  # libFuzzer draws one of its own for 0
    with ThreadPoolExecutor(given.jobs) as pool:
        every = list(pool.map(lambda kind: run(given.python, kind, given.runs, number), TARGETS))
    print(f"{'atheris':<22}{'lines':>8}{'then':>8}{'features':>10}{'corpus':>8}")
    print(*(outcome.row for outcome in every), sep="\n")
    wrong = [outcome for outcome in every if outcome.returned]
    for outcome in wrong:
        print(f"\n{outcome.kind}:\n{outcome.text[-3000:]}")
    print(f"{given.runs:,} runs each, seed {seed}; logs in {FOLDER}")
    print(f"{len(wrong)} of {len(every)} found what must not be")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
