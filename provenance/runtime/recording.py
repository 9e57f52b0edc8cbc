"""The task's side of recording: a second process that keeps the store.

MLMD takes a third of a second to load and wants a protobuf of its own. A process beside
the task loads it while the task loads KFP, is out of reach of user code, and is asked
once, at the end, to write the step.
"""

from __future__ import annotations

import json
import subprocess
import sys
from dataclasses import asdict
from datetime import datetime

from kfp_provenance.codes import Code
from kfp_provenance.errors import TaskError
from kfp_provenance.facts import Digest, Step

_MODULE = "kfp_provenance.runtime.recorder_process"


class RecorderProcess:
    """A process that holds the metadata store open for one step.

    Args:
        store: Store URI.
    """

    def __init__(self, store: str) -> None:
        # -P: the task's working directory must not shadow what the recorder imports;
        # a group of its own: what stops the task, Ctrl-C or a signal, must still be recorded
        self._process = subprocess.Popen(
            [sys.executable, "-P", "-m", _MODULE, store],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            encoding="utf-8",
            process_group=0,
        )

    def wait_until_ready(self) -> Digest:
        """Wait for the open store.

        Returns:
            Digest of the Python environment, which the process has listed meanwhile.

        Raises:
            TaskError: With the store's own code if it cannot be opened.
        """
        return Digest.parse(self._answer()["environment"])

    def record(self, step: Step) -> None:
        """Write ``step``, whole or not at all.

        Raises:
            TaskError: RECORD_NOT_WRITTEN, or the store's own code.
        """
        line = json.dumps(asdict(step), default=_plain, separators=(",", ":"))
        if self._process.stdin is None:
            raise self._lost("its input is closed")
        try:
            self._process.stdin.write(line + "\n")
            self._process.stdin.flush()
        except OSError as error:
            raise self._lost(str(error)) from error
        self._answer()

    def close(self) -> None:
        """End the process; a step that was not recorded stays unrecorded."""
        for pipe in (self._process.stdin, self._process.stdout):
            if pipe is not None:
                try:
                    pipe.close()
                except BrokenPipeError:
                    continue  # the process has ended already
        try:
            self._process.wait(timeout=10)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()

    def _answer(self) -> dict[str, str]:
        line = self._process.stdout.readline() if self._process.stdout else ""
        if not line:
            raise self._lost(f"it ended with code {self._process.wait()}")
        answer: dict[str, str] = json.loads(line)
        if "code" in answer:
            raise TaskError(
                Code(answer["code"]),
                answer["message"],
                where=answer["where"],
                expected=answer["expected"],
                found=answer["found"],
                remedy=answer["remedy"],
            )
        return answer

    def _lost(self, reason: str) -> TaskError:
        return TaskError(
            Code.RECORD_NOT_WRITTEN,
            f"the process that records the step is gone: {reason}",
            where="recorder process",
            remedy="look for its message above; memory limits are the usual cause",
        )


def _plain(value: object) -> str:
    if isinstance(value, datetime):
        return value.isoformat()
    raise TypeError(f"{type(value).__name__} is not part of a step record")
