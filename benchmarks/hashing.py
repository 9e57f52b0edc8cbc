"""Hashing beside openssl, coreutils and model-signing, in one run.

    python benchmarks/hashing.py [--quick] [--peer-python PATH] [--check]

``--peer-python`` is an interpreter that has ``model-signing`` (and ``pyOpenSSL``); its pins
do not go with ours, so it lives in an environment of its own (benchmarks/README.md).
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from _report import interleave, machine, ratio, write_section

from kfp_provenance.hashing import Listing, hash_file, list_directory

MIB = 1024 * 1024
CORES = 2


@dataclass(frozen=True)
class Row:
    """One line of the table: what was hashed, and how fast each candidate was."""

    what: str
    size: int
    seconds: dict[str, list[float]]
    target: float

    @property
    def peer(self) -> str:
        """The fastest of the others."""
        others = [name for name in self.seconds if name != "kfp-provenance"]
        return min(others, key=lambda name: statistics.median(self.seconds[name]))

    @property
    def ratio(self) -> float:
        """Our speed by that of the fastest peer."""
        return ratio(self.seconds["kfp-provenance"], self.seconds[self.peer])

    def speed(self, name: str) -> str:
        """Median in GB/s; a dash for who did not take part."""
        if name not in self.seconds:
            return "-"
        return f"{self.size / 1e9 / statistics.median(self.seconds[name]):.2f}"


def fill(path: Path, size: int) -> None:
    """Write random bytes, which also leaves them in the page cache."""
    with path.open("wb") as file:
        for start in range(0, size, MIB):
            file.write(os.urandom(min(MIB, size - start)))


def fill_folder(root: Path, files: int, size: int) -> Path:
    root.mkdir()
    for number in range(files):
        fill(root / f"{number:04d}.bin", size)
    return root


def timed(work: Callable[[], object]) -> Callable[[], float]:
    def run() -> float:
        start = time.perf_counter()
        work()
        return time.perf_counter() - start

    return run


def output(command: list[str], text: str = "", cwd: Path | None = None) -> str:
    run = subprocess.run(command, input=text, cwd=cwd, capture_output=True, text=True, check=True)
    return run.stdout


def sha256sum(folder: Path) -> str:
    """All files by ``xargs -P2``, in batches that keep both processes busy to the end."""
    names = sorted(os.listdir(folder))  # noqa: PTH208 - plain names for xargs
    batch = str(max(1, len(names) // (CORES * 16)))
    command = ["xargs", "-0", f"-P{CORES}", "-n", batch, "sha256sum"]
    return output(command, "\0".join(names), cwd=folder)


@contextmanager
def model_signing(python: str | None) -> Iterator[tuple[Callable[[Path], dict], str] | None]:
    """Ask a worker that has it; None without one."""
    if python is None:
        yield None
        return
    command = [python, str(Path(__file__).with_name("_model_signing_worker.py"))]
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "text": True}
    with subprocess.Popen(command, **pipes) as worker:

        def ask(folder: Path) -> dict:
            worker.stdin.write(f"{folder}\n")
            worker.stdin.flush()
            return json.loads(worker.stdout.readline())

        yield ask, json.loads(worker.stdout.readline())["version"]
        worker.stdin.close()


def measure_file(root: Path, size: int, rounds: int) -> Row:
    path = root / "large.bin"
    fill(path, size)
    command = ["openssl", "dgst", "-sha256", "-r", str(path)]
    assert output(command).split()[0] == hash_file(path).digest.hex
    candidates = {
        "kfp-provenance": timed(lambda: hash_file(path)),
        "openssl": timed(lambda: output(command)),
    }
    row = Row(f"one file of {size // MIB} MB", size, interleave(candidates, rounds), 0.95)
    path.unlink()
    return row


def measure_folder(folder: Path, what: str, rounds: int, ask: Callable[[Path], dict] | None) -> Row:
    listing = list_directory(folder)
    check_same(listing, folder, ask)
    candidates = {
        "kfp-provenance": timed(lambda: list_directory(folder)),
        "sha256sum": timed(lambda: sha256sum(folder)),
    }
    if ask is not None:
        candidates["model-signing"] = lambda: ask(folder)["seconds"]
    return Row(what, listing.size, interleave(candidates, rounds), 1.0)


def check_same(listing: Listing, folder: Path, ask: Callable[[Path], dict] | None) -> None:
    """All candidates must have read the same bytes."""
    assert sorted(sha256sum(folder).splitlines()) == sorted(listing.text.splitlines())
    if ask is not None:
        ours = {entry.path: entry.digest.hex for entry in listing.entries}
        assert ask(folder)["digests"] == ours


def table(rows: list[Row], rounds: int, versions: str) -> str:
    names = ("kfp-provenance", "openssl", "sha256sum", "model-signing")
    lines = [
        "## Hashing (`benchmarks/hashing.py`)",
        "",
        f"| GB/s, page cache warm | {' | '.join(names)} | times the fastest peer | target |",
        f"|---|{'---|' * (len(names) + 2)}",
    ]
    for row in rows:
        speeds = " | ".join(row.speed(name) for name in names)
        lines.append(f"| {row.what} | {speeds} | {row.ratio:.2f} x | {row.target:.2f} x |")
    lines += [
        "",
        f"Machine: {machine()}. Peers: {versions}; `sha256sum` under `xargs -P{CORES}`.",
        f"Medians of {rounds} rounds; load average at their end {os.getloadavg()[0]:.1f}. The start"
        " of `openssl` and `xargs` counts, that of the two Python processes does not.",
    ]
    return "\n".join(lines)


def measure(*, quick: bool, peer_python: str | None) -> tuple[list[Row], str]:
    rounds, scale = (3, 8) if quick else (15, 1)
    with tempfile.TemporaryDirectory() as name, model_signing(peer_python) as peer:
        root, ask = Path(name), peer[0] if peer else None
        rows = [measure_file(root, 2048 // scale * MIB, rounds)]
        for files, size in ((1000 // scale, MIB), (4, 512 // scale * MIB)):
            folder = fill_folder(root / f"{files}", files, size)
            what = f"{files} files of {size // MIB} MB"
            rows.append(measure_folder(folder, what, rounds, ask))
    versions = [
        output(["openssl", "version"]).partition(" (")[0].strip().rsplit(" ", 3)[0],
        output(["sha256sum", "--version"]).splitlines()[0],
        *([f"model-signing {peer[1]}"] if peer else []),
    ]
    return rows, table(rows, rounds, ", ".join(versions))


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--quick", action="store_true", help="an eighth of the bytes, 3 rounds")
    parser.add_argument("--peer-python", help="interpreter that has model-signing")
    parser.add_argument("--check", action="store_true", help="fail below a target")
    options = parser.parse_args()
    os.sched_setaffinity(0, sorted(os.sched_getaffinity(0))[:CORES])
    rows, markdown = measure(quick=options.quick, peer_python=options.peer_python)
    print(markdown)
    if not options.quick:
        write_section("hashing", markdown)
    missed = [row.what for row in rows if row.ratio < row.target]
    for what in missed:
        print(f"below its target: {what}", file=sys.stderr)
    return 1 if options.check and missed else 0


if __name__ == "__main__":
    sys.exit(main())
