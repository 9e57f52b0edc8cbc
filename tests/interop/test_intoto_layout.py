"""in-toto judges our chains: its library and its program, on layouts and links of ours."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from in_toto.exceptions import (
    LayoutExpiredError,
    LinkNotFoundError,
    RuleVerificationError,
    SignatureVerificationError,
    ThresholdVerificationError,
)

from kfp_provenance.codes import Code
from kfp_provenance.errors import AuthoringError, ChainError
from kfp_provenance.facts import Output
from kfp_provenance.layout import Plan, key_id, make_links
from support.chains import (
    MemoryReader,
    Recorded,
    RunBuilder,
    artifact,
    key_pair,
    read,
    source,
)
from support.intoto import forged, layout_of, payload_of, planned, verified
from support.intoto_desk import PLAN, Desk, desk

__all__ = ["desk"]

pytestmark = pytest.mark.interop

Change = Callable[[dict[str, Any]], object]


def refuse(desk: Desk, error: type[Exception], text: str = "") -> None:
    """Library and program alike."""
    with pytest.raises(error, match=text or None):
        desk.files.judge()
    done = desk.files.program()
    assert done.returncode == 1
    assert error.__name__ in done.stderr


def test_an_honest_chain_passes(desk: Desk) -> None:
    desk.files.judge()
    done = desk.files.program()
    assert (done.returncode, done.stdout) == (0, "")


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


def test_any_functionary_is_enough(desk: Desk) -> None:
    second, _ = key_pair(desk.folder, "second")
    layout = layout_of(PLAN, desk.owner, desk.functionary, second)
    shutil.rmtree(desk.files.links)
    desk.files.write(layout, make_links(desk.view(), second))
    desk.files.judge()


# --- links that were changed


def _digest(artifacts: str, name: str) -> Change:
    return lambda link: link[artifacts][name].update(sha256="0" * 64)


def _move(artifacts: str, old: str, new: str) -> Change:
    return lambda link: link[artifacts].update({new: link[artifacts].pop(old)})


def _drop(artifacts: str, name: str) -> Change:
    return lambda link: link[artifacts].pop(name)


def _add(artifacts: str, name: str) -> Change:
    return lambda link: link[artifacts].update({name: {"sha256": "0" * 64}})


def _swap(link: dict[str, Any]) -> None:
    materials = link["materials"]
    one, other = "input/model/fit/model", "input/data/split/right"
    materials[one], materials[other] = materials[other], materials[one]


def _file_of_its_listing(link: dict[str, Any]) -> None:
    digests = link["materials"]["input/data/split/left"]
    digests["sha256"] = digests.pop("dirHash")


@pytest.mark.parametrize(
    ("step", "change", "says"),
    [
        ("load", _digest("products", "load/table"), "input/table/load/table"),
        ("split", _digest("materials", "input/table/load/table"), "input/table/load/table"),
        ("fit", _digest("products", "fit/model"), "input/model/fit/model"),
        ("fit", _file_of_its_listing, "input/data/split/left"),
        ("score", _swap, "DISALLOW"),
        # the test data instead of the training data
        ("fit", _move("materials", "input/data/split/left", "input/data/split/right"), "REQUIRE"),
        ("score", _move("materials", "input/data/split/right", "input/model/split/right"), "REQ"),
        ("split", _move("products", "split/left", "split/other"), "split/left"),
        ("fit", _drop("materials", "input/data/split/left"), "REQUIRE"),
        ("fit", _drop("materials", "root/base"), "REQUIRE"),
        ("fit", _drop("products", "fit/model"), "REQUIRE"),
        ("fit", _add("materials", "input/data/split/right"), "DISALLOW"),
        ("fit", _add("materials", "root/other"), "DISALLOW"),
        ("fit", _add("products", "fit/second"), "DISALLOW"),
        ("fit", _add("products", "split/right"), "DISALLOW"),
    ],
)
def test_a_lying_functionary_is_refused_by_the_rules(
    desk: Desk, step: str, change: Change, says: str
) -> None:
    desk.files.forge(step, change, desk.functionary)
    refuse(desk, RuleVerificationError, says)


@pytest.mark.parametrize("step", ["load", "split", "fit", "score"])
def test_a_changed_link_is_refused_by_its_signature(desk: Desk, step: str) -> None:
    desk.files.forge(step, lambda link: link["byproducts"].update(run="run-2"), None)
    refuse(desk, ThresholdVerificationError, step)


@pytest.mark.parametrize("step", ["load", "split", "fit", "score"])
def test_a_missing_link_is_refused(desk: Desk, step: str) -> None:
    desk.files.link(step).unlink()
    refuse(desk, LinkNotFoundError, step)


def test_a_link_of_a_stranger_is_refused(desk: Desk) -> None:
    theirs = {file.name.split(".")[0]: file for file in make_links(desk.view(), desk.stranger)}
    path = desk.files.link("fit")
    path.write_bytes(theirs["fit"].data)  # under the name of the functionary
    refuse(desk, ThresholdVerificationError, "fit")
    path.unlink()
    (desk.files.links / theirs["fit"].name).write_bytes(theirs["fit"].data)
    refuse(desk, LinkNotFoundError, "fit")


def test_a_link_under_the_name_of_another_step_is_refused(desk: Desk) -> None:
    for one, other in (("split", "fit"), ("fit", "split")):
        path = desk.files.link(one)
        kept = path.read_bytes()
        path.write_bytes(desk.files.link(other).read_bytes())
        refuse(desk, RuleVerificationError)
        path.write_bytes(kept)
    desk.files.judge()


@pytest.mark.parametrize("step", ["load", "split", "fit", "score"])
def test_a_link_of_another_run_is_refused(desk: Desk, step: str) -> None:
    other = {f.name.split(".")[0]: f for f in make_links(desk.view("run-2"), desk.functionary)}
    desk.files.link(step).write_bytes(other[step].data)
    refuse(desk, RuleVerificationError)


# --- layouts


def test_a_layout_that_has_expired_is_refused(desk: Desk) -> None:
    past = datetime.now(UTC) - timedelta(seconds=1)
    desk.files.layout.write_bytes(layout_of(PLAN, desk.owner, desk.functionary, expires=past))
    refuse(desk, LayoutExpiredError)


def test_expiry_is_written_in_utc_wherever_it_is_made(desk: Desk) -> None:
    zone = datetime.fromisoformat("2031-01-01T00:30:00+05:00")
    layout = layout_of(PLAN, desk.owner, desk.functionary, expires=zone)
    desk.files.layout.write_bytes(layout)
    assert payload_of(desk.files.layout)["expires"] == "2030-12-31T19:30:00Z"


def test_a_layout_of_somebody_else_is_refused(desk: Desk) -> None:
    desk.files.layout.write_bytes(layout_of(PLAN, desk.stranger, desk.functionary))
    refuse(desk, SignatureVerificationError)


def test_a_changed_layout_is_refused(desk: Desk) -> None:
    def weaken(layout: dict[str, Any]) -> None:
        layout["steps"] = layout["steps"][:1]

    desk.files.layout.write_bytes(forged(desk.files.layout.read_bytes(), weaken, None))
    refuse(desk, SignatureVerificationError)


def test_only_named_steps_read_from_outside(desk: Desk) -> None:
    layout = layout_of(PLAN, desk.owner, desk.functionary, readers=["load"])
    desk.files.layout.write_bytes(layout)
    desk.files.judge()
    desk.files.forge("fit", _add("materials", "source/secret"), desk.functionary)
    refuse(desk, RuleVerificationError, "source/secret")
    with pytest.raises(AuthoringError) as caught:
        layout_of(PLAN, desk.owner, desk.functionary, readers=["laod"])
    assert caught.value.code is Code.LAYOUT_UNSUPPORTED


def test_another_function_than_the_compiled_one_is_warned_about(desk: Desk) -> None:
    # in-toto says it, and does not refuse for it
    done = desk.files.program()
    assert done.returncode == 0
    assert "differs from expected command" in done.stderr


def test_the_model_in_the_folder_is_compared(desk: Desk) -> None:
    desk.write(inspect_model=True)
    (desk.folder / "fit").mkdir()
    model = desk.folder / "fit" / "model"
    model.write_bytes(b"modelrun-1")
    done = desk.files.program()
    assert done.returncode == 0, done.stderr
    model.write_bytes(b"another")
    assert "RuleVerificationError" in desk.files.program().stderr
    model.unlink()
    assert "REQUIRE fit/model" in desk.files.program().stderr


# --- chains that links cannot express


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
    desk.files.forge("many", _move("products", "many/part[1]", "many/part1"), desk.functionary)
    refuse(desk, RuleVerificationError)


def test_the_files_are_json_of_one_line(desk: Desk) -> None:
    for path in (desk.files.layout, desk.files.link("fit")):
        text = path.read_text()
        assert text.count("\n") == 1
        assert json.loads(text)["payloadType"] == "application/vnd.in-toto+json"
