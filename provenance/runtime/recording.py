"""The task's side of recording: a second process that keeps the store.

MLMD takes a tenth of a second to load and wants a protobuf of its own. A process beside
the task loads it while the task gets ready, is out of reach of user code, and is asked
once, at the end, to write the step.
"""

from __future__ import annotations

import json
import os
import select
import signal
import sys
from typing import NoReturn

from kfp_provenance.codes import Code
from kfp_provenance.errors import TaskError
from kfp_provenance.facts import Digest, Step
from kfp_provenance.runtime.step_message import encode_step

_PATIENCE_SECONDS = 10


class RecorderProcess:
    """A process that holds the metadata store open for one step.

    It is a fork of the task before user code runs: a new interpreter would first load again
    what the task has loaded already. It begins to load MLMD at once and learns its store from
    :meth:`open`.
    """

    def __init__(self) -> None:
        self.store = ""
        requests, self._requests = os.pipe()
        self._answers, answers = os.pipe()
        sys.stdout.flush()
        sys.stderr.flush()
        self.pid = os.fork()
        if self.pid == 0:
            os.close(self._requests)
            os.close(self._answers)
            _become_recorder(requests, answers)
        os.close(requests)
        os.close(answers)
        self._received = b""
        self._closed = False

    def open(self, store: str, signer: str = "") -> None:
        """Tell the process which store to open; does not wait for it.

        Args:
            store: Its URI.
            signer: URI of the signer of the step itself; empty to sign nothing.

        Raises:
            TaskError: RECORD_NOT_WRITTEN if the process is gone.
        """
        self.store = store
        self._tell(json.dumps({"store": store, "signer": signer}))

    def wait_until_ready(self) -> Digest:
        """Wait for the open store, and for the signer if there is one.

        Returns:
            Digest of the Python environment, which the process has listed meanwhile.

        Raises:
            TaskError: With the store's or the signer's own code if it cannot be opened.
        """
        return Digest.parse(self._answer()["environment"])

    def record(self, step: Step) -> None:
        """Write ``step``, whole or not at all.

        Raises:
            TaskError: RECORD_NOT_WRITTEN, or the store's or the signer's own code.
        """
        self._tell(encode_step(step))
        self._answer()

    def close(self) -> None:
        """End the process; a step that was not recorded stays unrecorded."""
        if self._closed:
            return
        self._closed = True
        os.close(self._requests)
        # the end of its answers is the end of the process
        while select.select([self._answers], [], [], _PATIENCE_SECONDS)[0]:
            if not os.read(self._answers, 65536):
                break
        else:
            os.kill(self.pid, signal.SIGKILL)
        os.close(self._answers)
        os.waitpid(self.pid, 0)

    def _tell(self, line: str) -> None:
        rest = memoryview(line.encode() + b"\n")
        try:
            while rest:
                rest = rest[os.write(self._requests, rest) :]
        except OSError as error:
            raise _lost(str(error)) from error

    def _answer(self) -> dict[str, str]:
        while b"\n" not in self._received:
            block = os.read(self._answers, 65536)
            if not block:
                raise _lost("it has ended")
            self._received += block
        line, _, self._received = self._received.partition(b"\n")
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


def _become_recorder(requests: int, answers: int) -> NoReturn:
    """The rest of the life of the new process."""
    code = 1
    try:
        # what stops the task, Ctrl-C or a signal to its group, must still be recorded
        os.setpgid(0, 0)
        signal.signal(signal.SIGTERM, signal.SIG_DFL)
        # a library that prints must not be taken for the task's output
        os.dup2(sys.stderr.fileno(), sys.stdout.fileno())
        if not sys.flags.safe_path:
            del sys.path[0]  # the working directory must not shadow what is imported from here
        from kfp_provenance.runtime.recorder_process import serve  # noqa: PLC0415 - only here

        code = serve(requests, answers)
    finally:
        if sys.exc_info()[0] is not None:
            import traceback  # noqa: PLC0415 - not on the way to the store

            traceback.print_exc()
        sys.stderr.flush()
        os._exit(code)  # nothing of the task's must happen here, and MLMD dies slowly


def _lost(reason: str) -> TaskError:
    return TaskError(
        Code.RECORD_NOT_WRITTEN,
        f"the process that records the step is gone: {reason}",
        where="recorder process",
        remedy="look for its message above; memory limits are the usual cause",
    )
