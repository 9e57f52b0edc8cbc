"""The process beside the task: speaks lines, writes one step, ends whatever happens."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from kfp_provenance.codes import Code
from kfp_provenance.errors import TaskError
from kfp_provenance.metadata import init_store, open_reader
from kfp_provenance.runtime.environment import current_environment
from kfp_provenance.runtime.recorder_process import serve
from kfp_provenance.runtime.recording import RecorderProcess
from kfp_provenance.runtime.step_message import encode_step
from support.mlmd_grpc import running_front
from support.steps import step


@pytest.fixture(name="recorder")
def recorder_process() -> Iterator[RecorderProcess]:
    recorder = RecorderProcess()
    yield recorder
    recorder.close()
    with pytest.raises(ProcessLookupError):  # it has ended, and nothing of it is left
        os.kill(recorder.pid, 0)


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


def _status(recorder: RecorderProcess) -> int:
    """How the process ended, once nobody speaks to it any more."""
    os.close(recorder._requests)
    recorder._requests = os.open(os.devnull, os.O_WRONLY)
    found = os.waitid(os.P_PID, recorder.pid, os.WEXITED | os.WNOWAIT)
    assert found is not None
    return found.si_status


def test_ends_by_itself_before_it_knows_its_store(recorder: RecorderProcess) -> None:
    assert _status(recorder) == 0


def test_ends_by_itself_without_a_step(recorder: RecorderProcess, tmp_path: Path) -> None:
    recorder.open(f"sqlite:{tmp_path}/metadata.db")
    recorder.wait_until_ready()
    assert _status(recorder) == 0


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
    os.kill(recorder.pid, signal.SIGKILL)
    assert _status(recorder) == signal.SIGKILL
    with pytest.raises(TaskError) as caught:
        recorder.record(replace(step(), environment=environment))
    assert caught.value.code is Code.RECORD_NOT_WRITTEN


def test_is_in_a_group_of_its_own(recorder: RecorderProcess, tmp_path: Path) -> None:
    recorder.open(f"sqlite:{tmp_path}/metadata.db")
    recorder.wait_until_ready()
    assert os.getpgid(recorder.pid) == recorder.pid != os.getpgrp()


def test_a_step_is_one_write(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from ml_metadata.metadata_store.metadata_store import MetadataStore

    store = f"sqlite:{tmp_path}/metadata.db"
    init_store(store)
    writes: list[str] = []

    def counted(name: str, original: Callable[..., Any]) -> Callable[..., Any]:
        def call(*args: Any, **options: Any) -> Any:
            writes.append(name)
            return original(*args, **options)

        return call

    for name in dir(MetadataStore):
        if name.startswith("put_"):
            monkeypatch.setattr(MetadataStore, name, counted(name, getattr(MetadataStore, name)))
    one = replace(step(), environment=current_environment().digest)
    requests, answers = tmp_path / "requests", tmp_path / "answers"
    requests.write_text(f"{json.dumps({'store': store, 'signer': ''})}\n{encode_step(one)}\n")
    code = serve(os.open(requests, os.O_RDONLY), os.open(answers, os.O_WRONLY | os.O_CREAT))
    assert (code, answers.read_text().splitlines()[-1]) == (0, "{}")
    assert writes == ["put_lineage_subgraph"]


def run_alone(folder: Path, store: str) -> subprocess.CompletedProcess[str]:
    """A recorder of a fresh interpreter, as in a task: nothing is loaded before it."""
    program = (
        "import sys\n"
        "from kfp_provenance.runtime.recording import RecorderProcess\n"
        "recorder = RecorderProcess()\n"
        "recorder.open(sys.argv[1])\n"
        "print(recorder.wait_until_ready())\n"
        "recorder.close()\n"
    )
    (folder / "program.py").write_text(program)
    return subprocess.run(
        [sys.executable, "program.py", store],
        cwd=folder, capture_output=True, text=True, check=False, timeout=120,
    )  # fmt: skip


def test_grpc_is_loaded_when_the_store_needs_it(tmp_path: Path) -> None:
    with running_front(tmp_path / "metadata.db") as port:
        done = run_alone(tmp_path, f"grpc://127.0.0.1:{port}")
    assert done.stdout.startswith("sha256:"), done.stderr


def test_packages_of_the_working_directory_are_not_imported(tmp_path: Path) -> None:
    (tmp_path / "ml_metadata.py").write_text("raise SystemExit('imported')")
    done = run_alone(tmp_path, f"sqlite:{tmp_path}/metadata.db")
    assert done.stdout.startswith("sha256:"), done.stderr


def test_nothing_of_the_task_happens_in_the_recorder(tmp_path: Path) -> None:
    done = run_alone(tmp_path, "postgresql://x")
    assert done.returncode == 1
    assert done.stderr.count("Traceback") == 1
    assert "STORE_UNSUPPORTED" in done.stderr
