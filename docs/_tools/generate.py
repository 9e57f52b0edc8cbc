"""Writes what the repository generates from its sources, or checks that it is in step.

    python docs/_tools/generate.py            writes
    python docs/_tools/generate.py --check    fails, naming each file that is out of step

Run it with the interpreter that has the package installed; `make generate` and `make check` do.
"""

from __future__ import annotations

import argparse
import difflib
import os
import sys
from collections.abc import Callable
from pathlib import Path

for variable in [name for name in os.environ if name.startswith("KPROV_")]:
    del os.environ[variable]  # settings of this machine, read when a component is imported

import cli_pages  # noqa: E402
import code_pages  # noqa: E402
import commands  # noqa: E402
import component_pages  # noqa: E402
import decision_index  # noqa: E402
import notebook_pages  # noqa: E402
import pipeline_files  # noqa: E402

ROOT = Path(__file__).resolve().parents[2]
MAKERS: tuple[Callable[[Path], dict[Path, str]], ...] = (
    component_pages.make,
    code_pages.make,
    cli_pages.make,
    commands.make,
    pipeline_files.make,
    notebook_pages.make,
    decision_index.make,
)


def out_of_step(files: dict[Path, str]) -> list[Path]:
    """The files that are absent or hold something else."""
    return [
        path
        for path, text in files.items()
        if not path.is_file() or path.read_text(encoding="utf-8") != text
    ]


def _difference(path: Path, text: str) -> str:
    old = path.read_text(encoding="utf-8").splitlines() if path.is_file() else []
    lines = difflib.unified_diff(old, text.splitlines(), "in the repository", "generated", n=1)
    return "\n".join([f"{path.relative_to(ROOT)} is out of step with its source:", *lines][:40])


def main() -> int:
    """Exit code of the program."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("--check", action="store_true", help="write nothing; fail on a difference")
    check = parser.parse_args().check
    files: dict[Path, str] = {}
    for make in MAKERS:
        files |= make(ROOT)
    stale = out_of_step(files)
    for path in stale:
        if check:
            print(_difference(path, files[path]))
        else:
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(files[path], encoding="utf-8")
            print(f"wrote {path.relative_to(ROOT)}")
    problems = commands.problems(ROOT) + code_pages.problems(ROOT)
    print(*problems, sep="\n", end="\n" if problems else "")
    if check and stale:
        print("remedy: make generate")
    return 1 if problems or (check and stale) else 0


if __name__ == "__main__":
    sys.exit(main())
