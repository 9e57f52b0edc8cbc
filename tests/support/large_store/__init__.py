"""Metadata stores of up to a million artifacts, for tests and benchmarks of lineage.

A store is equal, row by row, to what ``MlmdRecorder`` would have written, and is made in
seconds or minutes instead of hours. What there is to find in it, says :class:`LargeStore`.
"""

from __future__ import annotations

import fcntl
import hashlib
import os
import subprocess
import sys
from pathlib import Path

from support.large_store.shapes import LargeStore

__all__ = ["LargeStore", "kept_store", "make_store"]

_TESTS = Path(__file__).resolve().parents[2]
_METADATA = _TESTS.parent / "provenance" / "metadata"
_SOURCES = (
    *(
        Path(__file__).with_name(f"{name}.py")
        for name in ("maker", "rows", "runs", "shapes", "write")
    ),
    *(_METADATA / f"{name}.py" for name in ("encode", "schema", "sqlite_setup")),
)
"""What decides what is in a store."""


def make_store(path: Path, artifacts: int) -> LargeStore:
    """Make a store at ``path``, in a process of its own, which closes it before it ends."""
    command = [
        sys.executable,
        "-m",
        "support.large_store",
        str(path),
        "--artifacts",
        str(artifacts),
    ]
    environment = {**os.environ, "PYTHONPATH": str(_TESTS)}
    subprocess.run(command, check=True, env=environment, stdout=subprocess.DEVNULL, timeout=3600)
    return LargeStore(path, artifacts)


def kept_store(folder: Path, artifacts: int) -> LargeStore:
    """A store in ``folder``, made if it is not there or what makes it has changed since."""
    made_by = hashlib.sha256(b"".join(path.read_bytes() for path in _SOURCES)).hexdigest()
    path = folder / f"{artifacts}-{made_by[:12]}.db"
    folder.mkdir(parents=True, exist_ok=True)
    # another benchmark may be making it; the folder itself is locked by the recorder
    with (folder / f"{artifacts}.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not path.exists():
            for old in folder.glob(f"{artifacts}-*"):
                old.unlink()
            make_store(path, artifacts)
    return LargeStore(path, artifacts)
