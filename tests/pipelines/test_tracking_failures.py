"""Tasks that fail: recorded as FAILED, and they fail as in plain KFP."""

# no `from __future__ import annotations`: KFP reads the annotations
import re

import pytest
from kfp import dsl
from kfp.dsl import Dataset, Input, Output

from kfp_provenance.facts import InputOrigin, Outcome
from support.tracking import LocalRuns, everything_in, plain, step_of, tracked


def divide(data: Output[Dataset], password: str = "pw-3313", note: str = ""):
    with open(data.path, "w") as stream:  # noqa: PTH123 - a user's code
        stream.write("half")
    numbers = {"zero": 0}
    raise ZeroDivisionError(f"cannot divide {note} with {password} by {numbers['zero']}")


tracked_divide, plain_divide = tracked(divide), plain(divide)


def test_failing_function_is_recorded_without_secrets(runs: LocalRuns) -> None:
    note = "xoxb-" + "1234567890-abc"
    (step,) = runs.fail(tracked_divide, note=note).steps
    assert (step.outcome, step.outputs, step.results) == (Outcome.FAILED, (), ())
    assert step.failure is not None
    assert step.failure.type == "ZeroDivisionError"
    assert step.failure.message == "cannot divide [redacted] with [redacted] by 0"
    text = everything_in(runs.database)
    assert "pw-3313" not in text
    assert note not in text


def _traceback(capsys: pytest.CaptureFixture[str]) -> list[str]:
    """What Python says about user code: its frames, its error."""
    text = re.sub(r"/\S+/(ephemeral_component\.py)", r"\1", capsys.readouterr().out)
    lines = [line.strip() for line in text.splitlines()]
    (begin,) = (i for i, line in enumerate(lines) if "ephemeral_component.py" in line
                and line.startswith("File "))  # fmt: skip
    end = next(i for i, line in enumerate(lines) if line.startswith("ZeroDivisionError"))
    assert "Traceback (most recent call last):" in lines
    return lines[begin : end + 1]


def test_traceback_is_that_of_plain_kfp(
    runs: LocalRuns, capsys: pytest.CaptureFixture[str]
) -> None:
    runs.fail(tracked_divide)
    ours = _traceback(capsys)
    runs.fail_unrecorded(plain_divide)
    assert ours == _traceback(capsys)
    assert ours[-1] == "ZeroDivisionError: cannot divide  with pw-3313 by 0"


@tracked
def end_with(code: int, data: Output[Dataset]):
    import sys

    with open(data.path, "w") as stream:  # noqa: PTH123
        stream.write("written")
    sys.exit(code)


def test_exit_with_zero_is_success(runs: LocalRuns) -> None:
    (step,) = runs.run(end_with, code=0).steps
    assert step.outcome is Outcome.SUCCEEDED
    assert [output.name for output in step.outputs] == ["data"]


@tracked
def read(data: Input[Dataset]) -> str:
    with open(data.path) as stream:  # noqa: PTH123
        return stream.read()


@dsl.pipeline(name="early")
def early():
    read(data=end_with(code=0).outputs["data"])


def test_outputs_of_an_early_exit_are_announced(runs: LocalRuns) -> None:
    run = runs.run(early)
    (given,) = step_of(run, "read").inputs
    assert (given.origin, given.producer) == (InputOrigin.STEP, step_of(run, "end-with").id)


def test_exit_with_another_code_is_failure(runs: LocalRuns) -> None:
    (step,) = runs.fail(end_with, code=3).steps
    assert step.failure is not None
    assert (step.outcome, step.failure.type, step.failure.message) == (
        Outcome.FAILED, "SystemExit", "3",
    )  # fmt: skip


@tracked
def exit_with_text():
    import sys

    sys.exit("no more data")


def test_exit_with_a_message(runs: LocalRuns, capsys: pytest.CaptureFixture[str]) -> None:
    (step,) = runs.fail(exit_with_text).steps
    assert step.failure is not None
    assert step.failure.message == "no more data"
    assert "no more data" in capsys.readouterr().out


@tracked
def be_stopped(number: int):
    import os
    import signal

    if number == signal.SIGINT:  # jobs in the background of a shell ignore it
        signal.signal(number, signal.default_int_handler)
    os.kill(os.getpid(), number)
    signal.pause()


@pytest.mark.parametrize(("number", "kind"), [(15, "SystemExit"), (2, "KeyboardInterrupt")])
def test_stopped_task_is_recorded(runs: LocalRuns, number: int, kind: str) -> None:
    (step,) = runs.fail(be_stopped, number=number).steps
    assert step.failure is not None
    assert (step.outcome, step.failure.type) == (Outcome.FAILED, kind)


@tracked
def raise_what_has_no_text(kind: str):
    class Silent(Exception):  # noqa: N818
        def __str__(self):
            raise ValueError("no text")

    if kind == "silent":
        raise Silent
    raise RuntimeError("a\0b \ud800 " + "long " * 1000)


def test_errors_with_impossible_texts(runs: LocalRuns) -> None:
    (step,) = runs.fail(raise_what_has_no_text, kind="silent").steps
    assert step.failure is not None
    assert step.failure.type == "Silent"
    (step,) = runs.fail(raise_what_has_no_text, kind="other").steps
    assert step.failure is not None
    assert step.failure.message.startswith("ab \\ud800 long ")
    assert len(step.failure.message) == 2000


@tracked
def return_the_wrong_type() -> int:
    return "text"


def test_an_error_of_the_executor_is_one_of_the_step(runs: LocalRuns) -> None:
    (step,) = runs.fail(return_the_wrong_type).steps
    assert step.failure is not None
    assert step.failure.type == "ValueError"


@tracked
def write_a_large_parameter(text: dsl.OutputPath(str)):
    with open(text, "w") as stream:  # noqa: PTH123
        stream.write("x" * (256 * 1024 + 1))


def test_parameter_too_large_to_record(runs: LocalRuns) -> None:
    (step,) = runs.fail(write_a_large_parameter).steps
    assert step.failure is not None
    assert step.failure.message.startswith("OUTPUT_INVALID")


@tracked
def spoil_the_output_file(data: Output[Dataset]):
    import atexit
    import os

    with open(data.path, "w") as stream:  # noqa: PTH123
        stream.write("x")
    os.mkdir(os.path.join(os.path.dirname(data.path), "executor_output.json"))  # noqa: PTH102, PTH118, PTH120
    atexit.unregister(print)


def test_output_file_of_kfp_that_cannot_be_written(runs: LocalRuns) -> None:
    (step,) = runs.fail(spoil_the_output_file).steps
    assert step.failure is not None
    assert step.failure.type == "IsADirectoryError"
