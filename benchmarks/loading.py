"""Loading a model with verification beside the plain download of the same bytes.

    python benchmarks/loading.py [--quick] [--check]

From a real GCS server on this machine: Google's own client alone; ``kprov gate load`` as the
library runs it: chain, download, hash, move; Google's client and a hash of its file afterwards;
and KServe's own downloader, where it is installed (``.venv-load/bin/python``). Interleaved.
"""

from __future__ import annotations

import argparse
import os
import shutil
import sys
import tempfile
import time
from collections.abc import Callable
from contextlib import ExitStack
from importlib.util import find_spec
from pathlib import Path
from statistics import median

from _report import interleave, machine, ratio, write_section

TESTS = Path(__file__).resolve().parents[1] / "tests"
sys.path.insert(0, str(TESTS))

from kfp_provenance.hashing import hash_file  # noqa: E402
from support.gcs import running_gcs  # noqa: E402
from support.loading import LoadingDesk  # noqa: E402

SIZE, QUICK = 1024**3, 64 * 1024**2
TARGET = 1.10


def timed(act: Callable[[Path], object], volume: Path) -> Callable[[], float]:
    """Seconds of one download into a new folder; what earlier ones wrote is on disk before."""

    def run() -> float:
        folder = Path(tempfile.mkdtemp(dir=volume))
        try:
            os.sync()
            begin = time.perf_counter()
            act(folder)
            return time.perf_counter() - begin
        finally:
            shutil.rmtree(folder)

    return run


def random_file(path: Path, size: int) -> Path:
    with path.open("wb") as file:
        for _ in range(size // 2**20):
            file.write(os.urandom(2**20))
    return path


def main() -> int:
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--quick", action="store_true", help="64 MiB and two rounds")
    options.add_argument("--check", action="store_true", help="fail if the target is missed")
    options.add_argument("--rounds", type=int, default=5)
    options.add_argument("--folder", type=Path, help="where to load to; a folder is made there")
    asked = options.parse_args()
    size = QUICK if asked.quick else SIZE
    with ExitStack() as held:
        folder = Path(held.enter_context(tempfile.TemporaryDirectory(dir=asked.folder)))
        os.environ["STORAGE_EMULATOR_HOST"] = held.enter_context(running_gcs())
        os.environ["NO_PROXY"] = "127.0.0.1"
        rows = measured(LoadingDesk(folder / "desk"), size, 2 if asked.quick else asked.rounds)
    plain = rows["Google's client"]
    overhead = ratio(plain, rows["kprov gate load"])
    print_rows(rows)
    print(f"overhead of verification: {(overhead - 1) * 100:+.1f} %")
    if not asked.quick:
        write_section("loading", section(rows, size, overhead))
    return 1 if asked.check and overhead > TARGET else 0


def measured(desk: LoadingDesk, size: int, rounds: int) -> dict[str, list[float]]:
    from google.cloud import storage

    client = storage.Client.create_anonymous_client()
    client.create_bucket("models", project="bench")
    model = random_file(desk.folder / "model.bin", size)
    published = desk.publish(model, destination="gs://models/m")
    name = published.model_uri.removeprefix("gs://models/")

    def plain(folder: Path) -> None:
        client.bucket("models").blob(name).download_to_filename(str(folder / "model.bin"))

    def verified(folder: Path) -> None:
        desk.load(published.model_uri, folder / "target")

    def twice(folder: Path) -> None:
        plain(folder)
        hash_file(folder / "model.bin")

    candidates = {
        "Google's client": timed(plain, desk.volume),
        "kprov gate load": timed(verified, desk.volume),
        "Google's client, then hashed": timed(twice, desk.volume),
    }
    if find_spec("kserve_storage") is not None:
        from kserve_storage import Storage

        def theirs(folder: Path) -> None:
            Storage.download(published.model_uri, str(folder))

        candidates["KServe's downloader"] = timed(theirs, desk.volume)
    return interleave(candidates, rounds)


def print_rows(rows: dict[str, list[float]]) -> None:
    for name, seconds in rows.items():
        print(f"{name:32} {median(seconds):6.2f} s")


def section(rows: dict[str, list[float]], size: int, overhead: float) -> str:
    plain = rows["Google's client"]
    lines = [
        "## Loading a model",
        "",
        f"`benchmarks/loading.py`: {size / 2**30:.0f} GiB from a GCS server on this machine to a "
        f"file system; medians of {len(plain)} rounds. {machine()}.",
        "",
        "| | seconds | beside the plain download |",
        "|---|---|---|",
    ]
    for name, seconds in rows.items():
        lines.append(f"| {name} | {median(seconds):.2f} | {ratio(plain, seconds):.2f} |")
    lines += [
        "",
        f"Verification costs {(overhead - 1) * 100:+.0f} % (target: at most +10 %): the bytes are "
        "hashed in a thread while they arrive and are not read again.",
    ]
    return "\n".join(lines)


if __name__ == "__main__":
    sys.exit(main())
