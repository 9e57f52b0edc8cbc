"""One tracked task, from KFP's command line to the recorded step."""

from __future__ import annotations

import argparse
import hashlib
import os
import signal
import sys
from collections.abc import Callable
from pathlib import Path
from types import FrameType
from typing import NoReturn

from kfp_provenance.codes import Code
from kfp_provenance.errors import ProvenanceError, TaskError
from kfp_provenance.runtime.executor_input import ExecutorInput, parse_executor_input
from kfp_provenance.runtime.identity import identify, in_cluster
from kfp_provenance.runtime.recording import RecorderProcess
from kfp_provenance.settings import task_signer, task_store
from kfp_provenance.tracking import TaskTracking

EXECUTOR_MODULE = "kfp.dsl.executor_main"


def main(arguments: list[str], recorder: RecorderProcess) -> int:
    """Run KFP's executor and record the step.

    Args:
        arguments: Command line behind ``-m kfp_provenance.runtime``.
        recorder: Has begun to load; is closed here.

    Returns:
        Exit code of a refusal. Any other error of user code is raised as it is, so that
        the task fails with the traceback that plain KFP shows.
    """
    signal.signal(signal.SIGTERM, _stop)
    try:
        tracking, executor_arguments, given = _read_arguments(arguments)
        identity = identify(given)
        recorder.open(
            task_store(tracking.store, in_cluster=identity.in_cluster),
            task_signer(tracking.step_signer),
        )
        # what is loaded from here on is loaded while the recorder loads its own
        execute = _kfp_executor(executor_arguments)
        from kfp_provenance.runtime.step import TrackedStep  # noqa: PLC0415

        step = TrackedStep(tracking, given, identity, recorder)
        step.prepare()
        step.run(execute)
    except ProvenanceError as error:
        sys.stderr.write(f"{error.diagnostics()}\n")
        return int(error.exit_code)
    finally:
        recorder.close()
    return 0


def _read_arguments(arguments: list[str]) -> tuple[TaskTracking, list[str], ExecutorInput]:
    parser = argparse.ArgumentParser(prog="kfp_provenance.runtime", add_help=False)
    parser.add_argument("--tracking", required=True)
    parser.add_argument("executor", choices=[EXECUTOR_MODULE])
    own, rest = parser.parse_known_args(arguments)
    inner = argparse.ArgumentParser(prog=EXECUTOR_MODULE, add_help=False)
    inner.add_argument("--executor_input", required=True)
    inner.add_argument("--component_module_path")
    inside = inner.parse_known_args(rest)[0]
    _refuse_altered(inside.executor_input)
    tracking = TaskTracking.from_json(own.tracking)
    if inside.component_module_path is not None:
        _check_source(Path(inside.component_module_path), tracking)
    return tracking, rest, parse_executor_input(inside.executor_input)


def _check_source(path: Path, tracking: TaskTracking) -> None:
    """The program that will run must be the one that was compiled."""
    source = path.read_text(encoding="utf-8")
    # kfp 2.13 puts its interpreter for `python3` in the source too, in a local run
    candidates = (source, source.replace(sys.executable, "python3"))
    found = [f"sha256:{hashlib.sha256(text.encode()).hexdigest()}" for text in candidates]
    if tracking.source not in found:
        raise TaskError(
            Code.TRACKING_CONFIG_INVALID,
            f"the source of {tracking.component} is not the one that was compiled",
            where=str(path),
            expected=tracking.source,
            found=found[0],
            remedy="compile the pipeline again, and do not edit its YAML by hand",
        )


def _refuse_altered(executor_input: str) -> None:
    """KFP's local runner puts its interpreter for every ``python3``, values included."""
    if not in_cluster() and sys.executable and sys.executable in executor_input:
        raise TaskError(
            Code.VALUE_ALTERED_BY_RUNNER,
            "KFP's local runner replaced the text python3 in a value or a path of this task",
            where="--executor_input",
            expected="python3",
            found=sys.executable,
            remedy="keep the text python3 out of parameters and of the pipeline root, "
            "or run in a cluster",
        )


def _kfp_executor(arguments: list[str]) -> Callable[[], None]:
    """KFP's own program; user code is loaded when it is called."""
    os.environ.setdefault("_KFP_RUNTIME", "true")
    from kfp.dsl import executor_main  # noqa: PLC0415

    sys.argv = [EXECUTOR_MODULE, *arguments]
    execute: Callable[[], None] = executor_main.executor_main
    return execute


def _stop(signum: int, _frame: FrameType | None) -> NoReturn:
    # so that a stopped task ends as any failing one does: recorded as FAILED
    raise SystemExit(128 + signum)
