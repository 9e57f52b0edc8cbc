"""An honest chain with its layout and links on disk, to be judged by in-toto."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from kfp_provenance.facts import ArtifactKind
from kfp_provenance.layout import Plan, make_links
from kfp_provenance.lineage import Root
from kfp_provenance.verify import ChainView
from support.chains import (
    MemoryReader,
    Recorded,
    RunBuilder,
    artifact,
    digest,
    imported,
    key_pair,
    read,
    source,
)
from support.intoto import Files, layout_of, planned, verified

BASE = str(digest(b"base"))

PLAN = Plan(
    "straight",
    (
        planned("load", outputs=("table",)),
        planned("split", {"table": ("load", "table")}, ("left", "right")),
        planned("fit", {"data": ("split", "left")}, ("model",), roots=("base",)),
        planned("score", {"model": ("fit", "model"), "data": ("split", "right")}, ("metrics",)),
    ),
    ("fit", "model"),
)


def run_of(name: str = "run-1") -> Recorded:
    """A run of that plan, with files, a directory, values and an imported root."""
    build, tag = RunBuilder(name), name.encode()
    load = build.step("load", inputs=[source(b"raw")], outputs={"table": b"table" + tag})
    split = build.step(
        "split",
        inputs=[read(load, "table")],
        outputs={
            "left": artifact(b"left" + tag, kind=ArtifactKind.DIRECTORY),
            "right": b"right" + tag,
        },
    )
    fit = build.step(
        "fit",
        inputs=[read(split, "left", "data"), imported(b"base", "base")],
        outputs={"model": b"model" + tag},
    )
    score = build.step(
        "score",
        inputs=[read(fit, "model"), read(split, "right", "data")],
        outputs={"metrics": artifact(b'{"a":"1"}', kind=ArtifactKind.VALUES)},
    )
    subjects = (read(fit, "model"), read(score, "metrics"))
    return Recorded(MemoryReader(build.steps), subjects, name)


class Desk:
    """Everybody's keys, and the files of an honest chain."""

    def __init__(self, folder: Path) -> None:
        self.owner, _ = key_pair(folder, "owner")
        self.functionary, self.functionary_pem = key_pair(folder, "functionary")
        self.stranger, _ = key_pair(folder, "stranger")
        self.files = Files(folder)
        self.folder = folder
        self._views: dict[str, ChainView] = {}

    def view(self, name: str = "run-1") -> ChainView:
        if name not in self._views:
            self._views[name] = verified(
                run_of(name), self.functionary, self.functionary_pem, [Root.parse(BASE)]
            )
        return self._views[name]

    def write(self, **options: Any) -> None:
        layout = layout_of(PLAN, self.owner, self.functionary, **options)
        self.files.write(layout, make_links(self.view(), self.functionary))


@pytest.fixture
def desk(tmp_path: Path) -> Desk:
    desk = Desk(tmp_path)
    desk.write()
    return desk


def refuse(desk: Desk, error: type[Exception], text: str = "") -> None:
    """Library and program alike."""
    with pytest.raises(error, match=text or None):
        desk.files.judge()
    done = desk.files.program()
    assert done.returncode == 1
    assert error.__name__ in done.stderr
