"""docs/tutorials/<name>.md from <name>.ipynb, with the results that the notebook holds.

The results are made by `make notebooks`, which runs the notebooks; a test runs them too.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import nbformat
from markdown import GENERATED

_STYLE = re.compile(r"<style scoped>.*?</style>\s*", re.DOTALL)
_COLOUR = re.compile(r"\x1b\[[0-9;]*m")


def _blocks(cell: nbformat.NotebookNode) -> Iterator[str]:
    if cell.cell_type == "markdown":
        yield cell.source
        return
    yield f"```python\n{cell.source}\n```"
    for output in cell.outputs:
        if output.output_type == "stream":
            text = _COLOUR.sub("", output.text).replace("\r\n", "\n")
            yield f"```text\n{text.rstrip()}\n```"
        elif "text/html" in output.get("data", {}):
            html = _STYLE.sub("", output.data["text/html"])
            yield re.sub(r"\n\s*", "\n", html).strip()
        elif "text/plain" in output.get("data", {}):
            yield f"```text\n{output.data['text/plain']}\n```"


def make(root: Path) -> dict[Path, str]:
    """A page for each notebook."""
    pages = {}
    for file in sorted((root / "docs").rglob("*.ipynb")):
        book = nbformat.read(file, as_version=4)
        first, *rest = [block for cell in book.cells for block in _blocks(cell)]
        note = GENERATED.format(source=file.name)
        link = f"The notebook itself: [{file.name}]({file.name})."
        pages[file.with_suffix(".md")] = "\n\n".join([note, first, link, *rest]) + "\n"
    return pages
