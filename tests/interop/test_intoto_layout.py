"""in-toto judges our chains: its library and its program, on layouts and links of ours."""

from __future__ import annotations

import shutil
from collections.abc import Callable
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
from kfp_provenance.errors import AuthoringError
from kfp_provenance.layout import make_links
from support.chains import key_pair
from support.intoto import forged, layout_of, payload_of
from support.intoto_desk import PLAN, Desk, desk, refuse

__all__ = ["desk"]

pytestmark = pytest.mark.interop

Change = Callable[[dict[str, Any]], object]


def test_an_honest_chain_passes(desk: Desk) -> None:
    desk.files.judge()
    done = desk.files.program()
    assert (done.returncode, done.stdout) == (0, "")


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
