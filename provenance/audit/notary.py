"""Signs checkpoints beside the writing, in a thread of its own."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass

from kfp_provenance.audit.chain import ChainWriter
from kfp_provenance.audit.checkpoints import sign_checkpoint
from kfp_provenance.audit.lines import line_digest
from kfp_provenance.audit.naming import CHECKPOINTS
from kfp_provenance.audit.records import CheckpointMark, Tip
from kfp_provenance.errors import ProvenanceError
from kfp_provenance.signing.interface import Signer

Mark = Callable[[str, CheckpointMark], None]
"""Takes the id of a chain and the checkpoint that was stored for it."""

_RETRY = 5.0
_log = logging.getLogger(__name__)


@dataclass(frozen=True)
class _Progress:
    """The chain, its newest line, and how many decisions it has up to there."""

    writer: ChainWriter
    tip: Tip
    decisions: int


def reason_of(error: Exception) -> str:
    """Why something failed, in one line without secrets."""
    if isinstance(error, ProvenanceError):
        return f"{error.code}: {error.message}"
    if isinstance(error, OSError):
        return error.strerror or str(error)
    return type(error).__name__


class Notary:
    """Makes a checkpoint of the newest line every so often.

    Args:
        signer: Signs them.
        every: Decisions after which one is due.
        seconds: Time after which one is due, if there was a decision.
        mark: Told of each checkpoint that was stored, except the last of a chain.
    """

    def __init__(self, signer: Signer, every: int, seconds: float, mark: Mark) -> None:
        self._signer = signer
        self._every = every
        self._seconds = seconds
        self._mark = mark
        self._changed = threading.Condition()
        self._stopped = False
        self._progress: _Progress | None = None
        self._covered: _Progress | None = None
        self._number = 0
        self._pending: tuple[_Progress, bytes] | None = None
        self.failure = ""
        self._thread = threading.Thread(target=self._run, name="audit-notary", daemon=True)

    @property
    def not_covered(self) -> int:
        """Decisions of the chain that no checkpoint covers yet."""
        progress, covered = self._progress, self._covered
        if progress is None:
            return 0
        same = covered is not None and covered.writer is progress.writer
        return progress.decisions - (covered.decisions if covered is not None and same else 0)

    def begin(self, writer: ChainWriter) -> None:
        """Make the first checkpoint of the first chain, and go on from there.

        Raises:
            SigningError, OSError, StorageError: If it cannot be made.
        """
        self._progress = _Progress(writer, writer.tip, 0)
        self._take(self._progress)
        self._thread.start()

    def recorded(self, writer: ChainWriter, decisions: int) -> None:
        """More lines are on stable storage; of another chain than before, if that had to end."""
        with self._changed:
            before = self._progress
            if before is not None and before.writer is writer:
                decisions += before.decisions
            self._progress = _Progress(writer, writer.tip, decisions)
            self._changed.notify()

    def stop(self) -> None:
        """End the thread; a checkpoint that is being made is finished."""
        with self._changed:
            self._stopped = True
            self._changed.notify()
        self._thread.join()

    def finish(self, writer: ChainWriter) -> None:
        """Make the last checkpoint, over the end of the chain. After :meth:`stop`.

        Raises:
            SigningError, OSError, StorageError: If it cannot be made.
        """
        decisions = self._progress.decisions if self._progress is not None else 0
        last = _Progress(writer, writer.tip, decisions)
        while self._covered is None or self._covered.tip != last.tip:
            self._take(last, last=True)  # first one that waits to be stored, if there is one

    def _run(self) -> None:
        tried = time.monotonic()
        while True:
            with self._changed:
                while not self._stopped and not self._due(time.monotonic() - tried):
                    self._changed.wait(self._patience(time.monotonic() - tried))
                if self._stopped:
                    return
                progress = self._progress
            tried = time.monotonic()
            if progress is None:
                continue
            try:
                self._take(progress)
                self.failure = ""
            except Exception as error:  # noqa: BLE001 - whatever it is, this thread goes on
                # so do decisions; how many are not covered is told by status() and by verify
                self.failure = f"no checkpoint: {reason_of(error)}"
                _log.warning("a checkpoint of the audit trail failed: %s", reason_of(error))

    def _due(self, since: float) -> bool:
        progress, covered = self._progress, self._covered
        if self.failure:
            return since >= min(_RETRY, self._seconds)
        if progress is None or covered is None or covered.writer is not progress.writer:
            return True
        fresh = progress.decisions - covered.decisions
        return fresh >= self._every or (fresh > 0 and since >= self._seconds)

    def _patience(self, since: float) -> float | None:
        if self.failure:
            return max(0.01, min(_RETRY, self._seconds) - since)
        return max(0.01, self._seconds - since) if self.not_covered else None

    def _take(self, progress: _Progress, *, last: bool = False) -> None:
        covered = self._covered
        if covered is not None and covered.writer is not progress.writer:
            covered.writer.sink.close()  # nobody else writes to it any more
            self._covered, self._number = None, 0
        if self._pending is None or self._pending[0].writer is not progress.writer:
            line = sign_checkpoint(progress.tip, self._number + 1, self._signer)
            self._pending = progress, line
        # one that failed may be there nevertheless: the same bytes are tried again, not others
        progress, line = self._pending
        progress.writer.sink.write(CHECKPOINTS, self._number + 1, line + b"\n")
        self._pending = None
        self._number += 1
        self._covered = progress
        if not last:
            self._mark(progress.writer.chain, CheckpointMark(self._number, line_digest(line)))
