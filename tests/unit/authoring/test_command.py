"""The command of a tracked task survives shells, KFP's rewriting and a round trip."""

from __future__ import annotations

import shlex

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kfp_provenance.authoring.command import replace_tracking, track_command, tracking_of
from kfp_provenance.codes import Code
from kfp_provenance.errors import TaskError
from kfp_provenance.tracking import TaskTracking

LIGHTWEIGHT = [
    "sh",
    "-ec",
    'printf "%s" "$0" > f\n_KFP_RUNTIME=true python3 -m kfp.dsl.executor_main --x "$@"\n',
    "def f():\n    'python3 -m kfp.dsl.executor_main'\n",
]
CONTAINERIZED = ["python3", "-m", "kfp.dsl.executor_main"]


def tracking(**changes: object) -> TaskTracking:
    fields: dict[str, object] = {
        "component": "a.b",
        "version": "1",
        "source": "sha256:" + "a" * 64,
        "image": "python:3.11",
    }
    return TaskTracking(**{**fields, **changes})  # type: ignore[arg-type]


@pytest.mark.parametrize("command", [LIGHTWEIGHT, CONTAINERIZED])
def test_runtime_goes_around_the_executor(command: list[str]) -> None:
    tracked = track_command(command, tracking())
    assert tracked is not None
    assert "kfp_provenance.runtime" in " ".join(tracked)
    assert tracking_of(tracked) == tracking()
    other = replace_tracking(tracked, tracking(image="x@sha256:1"))
    assert tracking_of(other) == tracking(image="x@sha256:1")


def test_user_source_is_not_touched() -> None:
    tracked = track_command(LIGHTWEIGHT, tracking())
    assert tracked is not None
    assert tracked[-1] == LIGHTWEIGHT[-1]


def test_a_command_without_the_executor_is_not_tracked() -> None:
    assert track_command(["sh", "-c", "echo", "x"], tracking()) is None
    assert tracking_of(["sh", "-c", "echo"]) is None


@given(text=st.text(max_size=60))
def test_any_text_survives_the_shell(text: str) -> None:
    fixed = tracking(component=text, image="registry/python3:1", secret_parameters=(text,))
    tracked = track_command(LIGHTWEIGHT, fixed)
    assert tracked is not None
    assert tracking_of(tracked) == fixed
    assert "python3 -m kfp_provenance.runtime" in tracked[2]
    assert tracked[2].count("python3") == 1  # the interpreter: KFP's local runner rewrites it
    words = shlex.split(tracked[2])
    assert TaskTracking.from_json(words[words.index("--tracking") + 1]) == fixed


@pytest.mark.parametrize("text", ["", "{}", "[]", '{"secret_parameters": 3}', "x" * 70_000])
def test_damaged_configuration_is_one_clear_error(text: str) -> None:
    with pytest.raises(TaskError) as caught:
        TaskTracking.from_json(text)
    assert caught.value.code is Code.TRACKING_CONFIG_INVALID
