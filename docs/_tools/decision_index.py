"""The table of decisions in docs/adr/README.md, from the decisions' own titles."""

from __future__ import annotations

import re
from pathlib import Path

from markdown import table

INDEX = Path("docs/adr/README.md")
_PART = re.compile(r"(<!-- decisions:[^>]*-->\n).*?(<!-- /decisions -->)", re.DOTALL)
_HEAD = re.compile(r"# (\d{4})[.:] (.+)\n\n(?:- )?Status: (.+)\n")


def make(root: Path) -> dict[Path, str]:
    """The page with its table."""
    rows = []
    for file in sorted((root / INDEX).parent.glob("[0-9]*.md")):
        head = _HEAD.match(file.read_text(encoding="utf-8"))
        if head is None or head[1] != file.name[:4]:
            raise SystemExit(
                f"{file.relative_to(root)} does not begin as docs/adr/template.md does"
            )
        rows.append((f"[{head[1]}]({file.name})", head[2], head[3]))
    text = (root / INDEX).read_text(encoding="utf-8")
    made = table(("number", "decision", "status"), rows)
    return {root / INDEX: _PART.sub(lambda part: f"{part[1]}\n{made}\n\n{part[2]}", text)}
