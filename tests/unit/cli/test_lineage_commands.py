"""``kprov trace``, ``impact`` and ``between``, as processes of their own."""

from __future__ import annotations

import csv
import io
from pathlib import Path

import pytest

from support.command_line import CommandLine, kprov
from support.lineage_stories import Story, content, of

__all__ = ["kprov"]

RAW = content("raw")


@pytest.fixture
def store(tmp_path: Path) -> str:
    told = Story()
    for run in ("run-a", "run-b"):
        data = told.step(run, "prepare", [RAW], "data")
        model = told.step(run, "train", [(data, "data")], "model")
        told.publish(run, (model, "model"), f"gs://models/{run}.json")
    with told.told(tmp_path):
        pass
    return f"sqlite:{tmp_path / 'story.db'}"


def test_trace_as_a_table(kprov: CommandLine, store: str) -> None:
    lines = kprov.succeed("trace", "run-a/model", "--store", store).output.splitlines()
    assert [line.split()[:2] for line in lines] == [
        ["distance", "name"], ["0", "model"], ["1", "data"], ["2", "in"],
    ]  # fmt: skip
    assert str(RAW.digest) in lines[3]  # whole, to be copied
    assert "(nobody recorded)" in lines[3]
    assert "run-a/prepare" in lines[2]


def test_trace_in_all_formats(kprov: CommandLine, store: str) -> None:
    ask = ("trace", "run-a/model", "--store", store)
    graph = kprov.succeed(*ask, "--json").json
    assert [step["task"] for step in graph["steps"]] == ["prepare", "train"]
    assert graph["more_steps"] == 0
    rows = list(csv.DictReader(io.StringIO(kprov.succeed(*ask, "--format", "csv").output)))
    assert [row["name"] for row in rows] == ["model", "data", "in"]
    dot = kprov.succeed(*ask, "--format", "dot").output
    assert dot.startswith("digraph lineage {")
    assert dot.count(" -> ") == 4
    page = kprov.succeed(*ask, "--format", "html").output
    assert "default-src 'none'" in page
    assert "Asked about" in page


def test_impact(kprov: CommandLine, store: str) -> None:
    said = kprov.succeed("impact", str(RAW.digest), "--store", store, "--limit", 1)
    assert "touched: 6 steps of 2 runs wrote 6 artifacts" in said.output
    assert "gs://models/run-b.json" in said.output
    assert "1 more rows: raise --limit to see them" in said.output
    found = kprov.succeed("impact", str(RAW.digest), "--store", store, "--json").json
    assert [name["pointer"] for name in found["published"]] == [
        "gs://models/run-b.json", "gs://models/run-a.json",
    ]  # fmt: skip
    assert [model["serving"] for model in found["models"]] == [True, True]


def test_between(kprov: CommandLine, store: str) -> None:
    said = kprov.succeed("between", str(RAW.digest), "run-b/model", "--store", store)
    assert "run-b/train" in said.output
    assert "run-a" not in said.output


def test_what_does_not_match_says_so(kprov: CommandLine, store: str) -> None:
    said = kprov("trace", "run-c/model", "--store", store, "--json")
    assert (said.exit_code, said.codes) == (2, {"REFERENCE_UNKNOWN"})
    said = kprov.succeed("trace", "run-a/model", "--store", store, "--since", "2030-01-01")
    assert "(not shown)" in said.output


def test_a_local_file_is_known_by_its_bytes(kprov: CommandLine, store: str) -> None:
    kprov.home.mkdir(exist_ok=True)
    (kprov.home / "copy").write_bytes(b"raw")  # content("raw") stands for these bytes
    assert "run-a" in kprov.succeed("impact", "copy", "--store", store).output


def test_names_of_the_store_cannot_leave_their_quotes(kprov: CommandLine, tmp_path: Path) -> None:
    told = Story()
    bad = '"]; x [label="\\'
    model = told.step(bad, bad, [RAW], {bad: "model"})
    with told.told(tmp_path):
        pass
    store = f"sqlite:{tmp_path / 'story.db'}"
    dot = kprov.succeed("trace", of(model, bad), "--store", store, "--format", "dot").output
    for line in dot.splitlines():
        assert line.replace("\\\\", "").replace('\\"', "").count('"') % 2 == 0
