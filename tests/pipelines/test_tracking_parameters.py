"""Parameters of every KFP type, and which of them are secret."""

# no `from __future__ import annotations`: KFP reads the annotations
import hashlib
import hmac
import json
from typing import Dict, List, NamedTuple, Optional  # noqa: UP035 - the spelling that KFP reads

import pytest
from kfp import dsl

from kfp_provenance.facts import Outcome, Parameter
from support.tracking import (
    LocalRuns,
    everything_in,
    parameters_of,
    results_of,
    step_of,
    tracked,
)


@tracked
def every_type(
    s: str,
    i: int,
    f: float,
    b: bool,
    l: list,  # noqa: E741
    d: dict,
    typed: List[str],
    nested: Dict[str, int],
    o: Optional[str] = None,  # noqa: UP045
    default: int = 5,
) -> NamedTuple(
    "Out", [("s", str), ("i", int), ("f", float), ("b", bool), ("l", list), ("d", dict)]
):
    assert o is None
    assert isinstance(i, int)
    assert nested == {"k": 1}
    return s, i + default, f, not b, [*l, *typed], d


@dsl.pipeline(name="types")
def types(text: str):
    first = every_type(
        s=text, i=3, f=3e-7, b=True, l=[1, "two", 2.5], d={"a": {"b": [1.5]}},
        typed=["x"], nested={"k": 1},
    )  # fmt: skip
    second = every_type(
        s=first.outputs["s"], i=first.outputs["i"], f=first.outputs["f"], b=first.outputs["b"],
        l=first.outputs["l"], d=first.outputs["d"], typed=["x"], nested={"k": 1}, default=0,
    )  # fmt: skip
    second.set_display_name("again")


TEXT = "quote \" apostrophe ' backslash \\ dollar $HOME `id` newline \n tab \t \u2603 \U0001f600"


def test_parameters_of_every_type(runs: LocalRuns) -> None:
    run = runs.run(types, text=TEXT)
    first, second = step_of(run, "every-type"), step_of(run, "every-type-2")
    given = parameters_of(first)
    assert given["s"] == TEXT
    assert (given["i"], given["f"], given["b"], given["default"]) == (3, 3e-7, True, 5)
    assert given["l"] == [1, "two", 2.5]
    assert given["d"] == {"a": {"b": [1.5]}}
    assert given.get("o") is None
    results = results_of(first)
    assert results == {
        "s": TEXT, "i": 8, "f": 3e-7, "b": False, "l": [1, "two", 2.5, "x"],
        "d": {"a": {"b": [1.5]}},
    }  # fmt: skip
    passed_on = parameters_of(second)
    assert {name: passed_on[name] for name in results} == results
    names = [item.name for item in first.parameters]
    assert names == sorted(names)


# --- secrets


@tracked(secret_parameters=["pin", "options"])
def with_secrets(pin: str, options: dict, note: str, db_password: str, fine: str) -> str:
    return "ghp_" + "R" * 36


@dsl.pipeline(name="secrets")
def secrets(note: str):
    with_secrets(
        pin="pin-9157", options={"inner": "opt-5512"}, note=note, db_password="pw-7741",
        fine="not hidden",
    )  # fmt: skip


TOKEN = "hvs." + "T" * 30
HIDDEN = ["pin-9157", "opt-5512", "pw-7741", TOKEN, "ghp_" + "R" * 36]


def test_secrets_are_nowhere_in_the_store(runs: LocalRuns) -> None:
    run = runs.run(secrets, note=f"use {TOKEN} here")
    text = everything_in(runs.database)
    assert not [secret for secret in HIDDEN if secret in text]
    assert "not hidden" in text
    found = {item.name: item for item in run.steps[0].parameters}
    assert found["fine"] == Parameter("fine", value='"not hidden"')
    hidden = [found[name] for name in ("pin", "options", "note", "db_password")]
    for item in (*hidden, *run.steps[0].results):
        assert item.value == ""
        assert item.keyed_digest.startswith("hmac-sha256:")


def test_holder_of_the_key_can_check_a_guess(
    runs: LocalRuns, monkeypatch: pytest.MonkeyPatch
) -> None:
    key = "a redaction key of some length"
    monkeypatch.setenv("KPROV_REDACTION_KEY", key)
    (step,) = runs.run(secrets, note="").steps
    (pin,) = (item for item in step.parameters if item.name == "pin")
    mac = hmac.new(key.encode(), json.dumps("pin-9157").encode(), hashlib.sha256).hexdigest()
    assert pin.keyed_digest.endswith(f":{mac}")
    assert key not in everything_in(runs.database)


@tracked
def leak_in_metadata(data: dsl.Output[dsl.Dataset], values: dsl.Output[dsl.Metrics]):
    from pathlib import Path

    Path(data.path).write_text("x")
    data.metadata["source"] = "https://user:" + "hunter2@host/x"
    values.metadata["api_key"] = "k-" + "4711"


def test_credentials_in_the_metadata_of_artifacts_are_left_out(runs: LocalRuns) -> None:
    (step,) = runs.run(leak_in_metadata).steps
    assert [output.artifact.metadata for output in step.outputs] == ["", ""]
    text = everything_in(runs.database)
    assert "hunter2" not in text
    assert "k-4711" not in text


# --- altered by the local runner


@tracked
def echo(text: str, marker: str) -> str:
    from pathlib import Path

    Path(marker).touch()
    return text


def test_value_that_the_local_runner_rewrites_is_refused(
    runs: LocalRuns, capsys: pytest.CaptureFixture[str]
) -> None:
    marker = runs.root.parent / "ran"
    runs.fail_unrecorded(echo, text="use python3 please", marker=str(marker))
    assert "VALUE_ALTERED_BY_RUNNER" in capsys.readouterr().out
    assert not marker.exists()


@tracked
def talk_about_the_interpreter() -> str:
    return "python3 -m kfp.dsl.executor_main"


def test_the_same_text_in_the_source_is_fine(runs: LocalRuns) -> None:
    (step,) = runs.run(talk_about_the_interpreter).steps
    assert step.outcome is Outcome.SUCCEEDED
