"""The chain as people and machines see it."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest

from kfp_provenance.verify import (
    ChainView,
    Trust,
    lineage_tree,
    render_text,
    verify_bundle,
    view_to_json,
)
from support.chains import (
    NOW,
    MemoryReader,
    Recorded,
    RunBuilder,
    content,
    digest,
    key_pair,
    linear_run,
    read,
    signed,
    source,
    tabular_run,
)


def view_of(recorded: Recorded, model: bytes, folder: Path) -> ChainView:
    signer, public = key_pair(folder)
    trust = Trust.for_key(public, name="signer.pub")
    found = verify_bundle(signed(recorded.chain(), signer), trust, content(model), now=NOW)
    assert found.verdict.passed
    assert found.view is not None
    return found.view


def test_the_tree_goes_from_the_model_to_the_raw_bytes(tmp_path: Path) -> None:
    view = view_of(tabular_run(), b"model", tmp_path)
    assert render_text(view).splitlines() == [
        "run run-1 of pipeline tabular-training",
        "signed 2026-03-01T12:00:00Z by signer.pub",
        "as https://kfp-provenance.dev/builders/in-run/v1",
        "",
        f"model  {digest(b'model')}",
        "└─ train  step run-1/train",
        f"   └─ train_set  {digest(b'trainrun-1')}",
        "      └─ preprocess  step run-1/preprocess",
        f"         └─ table  {digest(b'tableraw')}",
        "            └─ ingest  step run-1/ingest",
        f"               └─ raw  {digest(b'raw')}",
        f"                  └─ root  gs://bucket/{digest(b'raw').short} (read by the step)",
        f"metrics  {view.subjects[1].artifact.digest}",
        "└─ evaluate  step run-1/evaluate",
        f"   ├─ model  {digest(b'model')}",
        "   │  └─ train  step run-1/train, see above",
        f"   └─ test_set  {digest(b'testrun-1')}",
        "      └─ preprocess  step run-1/preprocess, see above",
    ]


def test_earlier_runs_are_named(tmp_path: Path) -> None:
    view = view_of(replace(tabular_run("run-0"), run="run-1"), b"model", tmp_path)
    assert "with steps of run-0" in render_text(view)


def test_a_name_cannot_write_on_the_terminal(tmp_path: Path) -> None:
    build = RunBuilder()
    train = build.step(
        "train", inputs=[source(b"raw", "\x1b[2Jraw\n\u202e")], outputs={"model": b"m"}
    )
    view = view_of(Recorded(MemoryReader([train]), (read(train, "model"),)), b"m", tmp_path)
    text = render_text(view)
    assert "\\x1b[2Jraw\\n\\u202e" in text
    assert "\x1b" not in text


def test_a_chain_of_any_depth_is_drawn(tmp_path: Path) -> None:
    assert len(lineage_tree(view_of(linear_run(1200), b"1199", tmp_path))) == 1200 * 2 + 2


@pytest.mark.parametrize("model", [b"model"])
def test_json_holds_every_link(tmp_path: Path, model: bytes) -> None:
    value = json.loads(json.dumps(view_to_json(view_of(tabular_run(), model, tmp_path))))
    assert [step["task"] for step in value["steps"]] == [
        "ingest",
        "preprocess",
        "train",
        "evaluate",
    ]
    assert value["steps"][2]["inputs"][0]["step"] == "run-1/preprocess"
    assert value["steps"][0]["inputs"][0]["step"] is None
    assert value["subjects"][0]["digest"] == str(digest(b"model"))
    assert value["roots"][0]["declaredBy"] == "step"
