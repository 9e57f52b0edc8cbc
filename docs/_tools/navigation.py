"""Navigation of the pages: one section for each folder, so that a new page needs no entry."""

from __future__ import annotations

from pathlib import Path

from mkdocs.config.defaults import MkDocsConfig

_SECTIONS = {
    "Tutorials": "tutorials",
    "How to": "how-to",
    "Explanation": "explanation",
    "Reference": "reference",
    "Decisions": "adr",
}
_ALONE = ("index.md", "threat-model.md")  # before the sections


def on_config(config: MkDocsConfig) -> MkDocsConfig:
    """Called by mkdocs when it has read its settings."""
    docs = Path(config.docs_dir)
    nav: list[object] = [name for name in _ALONE if (docs / name).is_file()]
    nav += sorted(page.name for page in docs.glob("*.md") if page.name not in _ALONE)
    for title, folder in _SECTIONS.items():
        pages = sorted(page for page in (docs / folder).glob("*.md") if page.name != "template.md")
        pages.sort(key=lambda page: page.name != "README.md")  # an overview comes first
        if pages:
            nav.append({title: [page.relative_to(docs).as_posix() for page in pages]})
    config.nav = nav
    return config
