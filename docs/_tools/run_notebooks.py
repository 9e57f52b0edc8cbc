"""Run the notebooks of the documentation and keep their results in them."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import nbclient
import nbformat

ROOT = Path(__file__).resolve().parents[2]


def run(file: Path, seconds: int = 900) -> nbformat.NotebookNode:
    """The notebook with its results; a cell that fails is an error.

    Args:
        file: The notebook.
        seconds: How long one cell may take.
    """
    os.environ["PATH"] = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    book: nbformat.NotebookNode = nbformat.read(file, as_version=4)
    nbclient.NotebookClient(book, timeout=seconds, kernel_name="python3").execute()
    for cell in book.cells:
        cell.metadata.pop("execution", None)  # times of this machine
    return book


def main() -> None:
    """Every notebook."""
    for file in sorted((ROOT / "docs").rglob("*.ipynb")):
        print(file.relative_to(ROOT))
        nbformat.write(run(file), file)


if __name__ == "__main__":
    main()
