"""What stands in a link, and which chains have none."""

from __future__ import annotations

import json
import shutil
from dataclasses import replace
from typing import Any

import pytest
from in_toto.exceptions import RuleVerificationError

from kfp_provenance.codes import Code
from kfp_provenance.errors import ChainError
from kfp_provenance.facts import Output
from kfp_provenance.layout import Plan, key_id, make_links
from support.chains import MemoryReader, Recorded, RunBuilder, artifact, read, source
from support.intoto import layout_of, payload_of, planned, verified
from support.intoto_desk import Desk, desk, refuse

__all__ = ["desk"]

pytestmark = pytest.mark.interop


def test_links_say_what_the_statements_say(desk: Desk) -> None:
    view = desk.view()
    link = payload_of(desk.files.link("fit"))
    (step,) = (step for step in view.steps.values() if step.task == "fit")
    data, base = (given.artifact.digest.hex for given in step.inputs)
    assert link["materials"] == {
        "input/data/split/left": {"dirHash": data},
        "root/base": {"sha256": base},
    }
    assert link["products"] == {"fit/model": {"sha256": step.outputs[0].artifact.digest.hex}}
    assert link["command"] == ["churn.steps.fit", str(step.component.source_digest)]
    assert link["byproducts"]["run"] == "run-1"
    (line,) = (part for part in view.summary.attestations if part.step == step.id)
    assert link["byproducts"]["statement"] == str(line.digest)
    first = payload_of(desk.files.link("load"))
    assert list(first["materials"]) == ["source/raw"]


def test_key_ids_are_those_of_in_totos_own_loader(desk: Desk) -> None:
    from in_toto.models.layout import Layout

    own = Layout().add_functionary_key_from_path(str(desk.folder / "functionary.pub"))
    assert payload_of(desk.files.layout)["keys"] == {own["keyid"]: own}
    assert desk.files.link("fit").name == f"fit.{own['keyid'][:8]}.link"
    assert key_id(desk.functionary.public) == own["keyid"]


def test_two_steps_of_one_name_are_refused(desk: Desk) -> None:
    view = desk.view()
    steps = dict(view.steps)
    last = list(steps)[-1]
    steps[last] = replace(steps[last], task="branch/fit")
    with pytest.raises(ChainError) as caught:
        make_links(replace(view, steps=steps), desk.functionary)
    assert caught.value.code is Code.LAYOUT_UNSUPPORTED


@pytest.mark.parametrize("task", ["..", "a/..", "x\ny", ".hidden", "a/"])
def test_a_task_that_would_leave_the_folder_is_refused(desk: Desk, task: str) -> None:
    view = desk.view()
    steps = dict(view.steps)
    last = list(steps)[-1]
    steps[last] = replace(steps[last], task=task)
    with pytest.raises(ChainError) as caught:
        make_links(replace(view, steps=steps), desk.functionary)
    assert caught.value.code is Code.LAYOUT_UNSUPPORTED


def test_positions_in_a_list_are_names_and_no_patterns(desk: Desk) -> None:
    build = RunBuilder()
    many = build.step(
        "many",
        inputs=[source(b"raw")],
        outputs={},
    )
    parts = tuple(Output("part", index, artifact(b"p%d" % index)) for index in range(2))
    build.steps[0] = many = replace(many, outputs=parts)
    last = build.step("last", inputs=[read(many, "part", "data", index=1)], outputs={"model": b"m"})
    recorded = Recorded(MemoryReader(build.steps), (read(last, "model"),))
    view = verified(recorded, desk.functionary, desk.functionary_pem)
    plan = Plan(
        "lists",
        (
            planned("many", outputs=("part", "part[1]")),
            planned("last", {"data": ("many", "part[1]")}, ("model",)),
        ),
        ("last", "model"),
    )
    shutil.rmtree(desk.files.links)
    links = make_links(view, desk.functionary)
    desk.files.write(layout_of(plan, desk.owner, desk.functionary), links)
    desk.files.judge()

    def rename(link: dict[str, Any]) -> None:
        link["products"]["many/part1"] = link["products"].pop("many/part[1]")

    desk.files.forge("many", rename, desk.functionary)
    refuse(desk, RuleVerificationError)


def test_the_files_are_json_of_one_line(desk: Desk) -> None:
    for path in (desk.files.layout, desk.files.link("fit")):
        text = path.read_text()
        assert text.count("\n") == 1
        assert json.loads(text)["payloadType"] == "application/vnd.in-toto+json"
