"""``PYTHONPATH=tests python -m support.large_store FILE --artifacts 1000000``."""

from __future__ import annotations

import argparse
import gc
import resource
import sys
import time
from pathlib import Path

from support.large_store.shapes import LargeStore
from support.large_store.write import write_store


def main() -> None:
    """Write a store and say how long it took."""
    parser = argparse.ArgumentParser(prog="support.large_store", description=write_store.__doc__)
    parser.add_argument("file", type=Path)
    parser.add_argument("--artifacts", type=int, default=10_000)
    options = parser.parse_args()
    if options.file.exists():
        sys.exit(f"{options.file} is there already")
    gc.disable()  # millions of tuples of text, without a cycle: a tenth of the time
    start = time.perf_counter()
    write_store(LargeStore(options.file, options.artifacts))
    print(
        f"{options.artifacts} artifacts, {options.file.stat().st_size / 1e6:.0f} MB,"
        f" {time.perf_counter() - start:.1f} s,"
        f" {resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024:.0f} MB of memory"
    )


if __name__ == "__main__":
    main()
