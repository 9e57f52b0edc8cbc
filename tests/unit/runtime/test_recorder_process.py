"""The process beside the task: speaks lines, writes one step, ends whatever happens."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import pytest

from kfp_provenance.codes import Code
from kfp_provenance.errors import TaskError
from kfp_provenance.metadata import open_reader
from kfp_provenance.runtime.environment import current_environment
from kfp_provenance.runtime.recording import RecorderProcess
from support.steps import step


@pytest.fixture(name="recorder")
def recorder_process() -> Iterator[RecorderProcess]:
    recorder = RecorderProcess()
    yield recorder
    recorder.close()
    assert recorder._process.returncode is not None


def test_records_a_step(recorder: RecorderProcess, tmp_path: Path) -> None:
    store = f"sqlite:{tmp_path}/metadata.db"
    recorder.open(store)
    environment = recorder.wait_until_ready()
    assert environment == current_environment().digest
    one = replace(step(), environment=environment, attempt=0)
    recorder.record(one)
    recorder.close()
    # nothing is left in the log: the file alone is the store
    assert [path.name for path in tmp_path.iterdir()] == ["metadata.db"]
    with closing(open_reader(store)) as reader:
        assert reader.step(one.id) == replace(one, attempt=1)


def test_ends_by_itself_before_it_knows_its_store(recorder: RecorderProcess) -> None:
    recorder.close()
    assert recorder._process.returncode == 0


def test_ends_by_itself_without_a_step(recorder: RecorderProcess, tmp_path: Path) -> None:
    recorder.open(f"sqlite:{tmp_path}/metadata.db")
    recorder.wait_until_ready()
    recorder.close()
    assert recorder._process.returncode == 0


def test_errors_keep_their_code_and_remedy(recorder: RecorderProcess) -> None:
    recorder.open("postgresql://x")
    with pytest.raises(TaskError) as caught:
        recorder.wait_until_ready()
    assert caught.value.code is Code.STORE_UNSUPPORTED
    assert caught.value.remedy


def test_refused_value_is_an_error_of_the_record(recorder: RecorderProcess, tmp_path: Path) -> None:
    recorder.open(f"sqlite:{tmp_path}/metadata.db")
    environment = recorder.wait_until_ready()
    with pytest.raises(TaskError) as caught:
        recorder.record(replace(step(), environment=environment, task="a\0b"))
    assert caught.value.code is Code.STORE_VALUE_REFUSED


def test_killed_recorder_fails_the_record(recorder: RecorderProcess, tmp_path: Path) -> None:
    recorder.open(f"sqlite:{tmp_path}/metadata.db")
    environment = recorder.wait_until_ready()
    os.kill(recorder._process.pid, signal.SIGKILL)
    recorder._process.wait()
    with pytest.raises(TaskError) as caught:
        recorder.record(replace(step(), environment=environment))
    assert caught.value.code is Code.RECORD_NOT_WRITTEN


def test_is_in_a_group_of_its_own(recorder: RecorderProcess) -> None:
    assert os.getpgid(recorder._process.pid) == recorder._process.pid != os.getpgrp()


def test_grpc_store_is_reached_although_grpc_is_loaded_late(recorder: RecorderProcess) -> None:
    recorder.open("grpc://127.0.0.1:1")
    with pytest.raises(TaskError) as caught:
        recorder.wait_until_ready()
    assert caught.value.code is Code.STORE_UNREACHABLE


def test_packages_of_the_working_directory_are_not_imported(tmp_path: Path) -> None:
    (tmp_path / "ml_metadata.py").write_text("raise SystemExit('imported')")
    program = (
        "from kfp_provenance.runtime.recording import RecorderProcess\n"
        "recorder = RecorderProcess()\n"
        f"recorder.open('sqlite:{tmp_path}/metadata.db')\n"
        "print(recorder.wait_until_ready())\n"
        "recorder.close()\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", program], cwd=tmp_path, capture_output=True, text=True, check=False
    )
    assert done.stdout.startswith("sha256:"), done.stderr
