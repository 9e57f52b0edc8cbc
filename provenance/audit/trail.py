"""The audit trail as the gate writes it: durable before it answers, from many threads."""

from __future__ import annotations

import asyncio
import logging
import threading
import time
from concurrent.futures import Future
from dataclasses import dataclass
from queue import SimpleQueue
from types import TracebackType
from typing import Self

from kfp_provenance.audit.chain import ChainWriter, begin_chain
from kfp_provenance.audit.encoding import encode_record
from kfp_provenance.audit.lines import END_CONTENT, decision_content, mark_content
from kfp_provenance.audit.naming import default_replica
from kfp_provenance.audit.notary import Notary, reason_of
from kfp_provenance.audit.records import CheckpointMark, Record, Tip
from kfp_provenance.audit.sinks import refuse_scheme
from kfp_provenance.audit.waiting import Waiting, answer, next_batch
from kfp_provenance.codes import Code
from kfp_provenance.errors import AuditError
from kfp_provenance.signing.interface import Signer
from kfp_provenance.storage import without_credentials

_MOST_WAITING = 8192
_PAUSE = 1.0
"""Seconds after a failure in which no new chain is begun."""

_Loop = asyncio.AbstractEventLoop
_log = logging.getLogger(__name__)


@dataclass(frozen=True)
class TrailStatus:
    """How the trail is, for metrics and readiness.

    Attributes:
        chain: Id of the chain that is written to; empty while there is none.
        sequence: Newest line of it.
        waiting: Records that are not on stable storage yet.
        not_covered: Decisions that no checkpoint covers yet.
        failure: Why the last record or checkpoint failed; empty once one succeeded.
    """

    chain: str
    sequence: int
    waiting: int
    not_covered: int
    failure: str


class AuditTrail:
    """One chain of the trail at ``uri``, and a new one when that cannot go on.

    Open it with :meth:`open`; close it, or the chain has no end. All methods may be called
    from several threads at once. Many callers share one write to the disk.
    """

    def __init__(
        self, uri: str, replica: str, signer: Signer | None, every: int, seconds: float
    ) -> None:
        self._uri = uri
        self._replica = replica
        self._signer = signer.name if signer is not None else ""
        self._queue: SimpleQueue[Waiting | None] = SimpleQueue()
        self._entry = threading.Lock()
        self._closed = False
        self._failure = ""
        self._retry_at = 0.0
        writer = begin_chain(uri, replica, self._signer)
        self._writer: ChainWriter | None = writer
        self._notary = None if signer is None else Notary(signer, every, seconds, self._mark)
        try:
            if self._notary is not None:
                self._notary.begin(writer)  # no decision before the chain has a signature
        except BaseException:
            writer.sink.discard()
            raise
        self._thread = threading.Thread(target=self._write_all, name="audit", daemon=True)
        self._thread.start()

    @classmethod
    def open(
        cls,
        uri: str,
        *,
        replica: str = "",
        signer: Signer | None = None,
        checkpoint_records: int = 1000,
        checkpoint_seconds: float = 60.0,
    ) -> Self:
        """Begin a new chain; earlier ones are linked and stay as they are.

        Args:
            uri: A folder (path or ``file:`` URI), or ``gs://BUCKET/PREFIX``.
            replica: Name of this process for people; the host's if empty.
            signer: Signs the checkpoints; without one nobody can tell a rewritten trail.
            checkpoint_records: A checkpoint is made after that many decisions,
            checkpoint_seconds: or that many seconds, if there was a decision.

        Raises:
            AuditError: URI_UNSUPPORTED; AUDIT_NOT_RECORDED if nothing can be written;
                AUDIT_TRAIL_UNREADABLE if what is there cannot be read.
            StorageError: Likewise, for a bucket.
            SigningError: If the first checkpoint cannot be signed.
            SettingsError: SETTING_INVALID for an unusable name of the replica.
        """
        refuse_scheme(uri)
        replica = replica or default_replica()
        try:
            return cls(uri, replica, signer, checkpoint_records, checkpoint_seconds)
        except OSError as error:
            raise _not_recorded(uri, reason_of(error)) from error

    def append(self, record: Record, timeout: float = 10.0) -> Tip:
        """Record a decision. When this returns, it is on stable storage.

        Raises:
            AuditError: AUDIT_NOT_RECORDED if it is not, or not in ``timeout`` seconds (it may
                be there nevertheless); AUDIT_RECORD_INVALID.
        """
        future: Future[Tip] = Future()
        self._enqueue(record, future)
        try:
            return future.result(timeout)
        except TimeoutError as error:
            raise _not_recorded(self._uri, f"not in {timeout} seconds") from error

    async def append_async(self, record: Record, timeout: float = 10.0) -> Tip:
        """As :meth:`append`, without blocking the event loop.

        Raises:
            AuditError: As there.
        """
        loop = asyncio.get_running_loop()
        future: asyncio.Future[Tip] = loop.create_future()
        self._enqueue(record, future, loop)
        try:
            return await asyncio.wait_for(future, timeout)
        except TimeoutError as error:
            raise _not_recorded(self._uri, f"not in {timeout} seconds") from error

    def status(self) -> TrailStatus:
        """A snapshot."""
        writer, notary = self._writer, self._notary
        return TrailStatus(
            chain=writer.chain if writer else "",
            sequence=writer.tip.sequence if writer else 0,
            waiting=self._queue.qsize(),
            not_covered=notary.not_covered if notary else 0,
            failure=self._failure or (notary.failure if notary else ""),
        )

    def close(self) -> None:
        """Write what waits, the end of the chain and a checkpoint over it.

        Raises:
            AuditError: AUDIT_NOT_RECORDED if the end cannot be written.
            StorageError: Likewise, to a bucket.
            SigningError: If the last checkpoint cannot be signed.
        """
        with self._entry:
            if self._closed:
                return
            self._closed = True
            self._queue.put(None)
        self._thread.join()
        if self._notary is not None:
            self._notary.stop()
        writer = self._writer
        if writer is None:
            return  # the chain could not go on, and has no end
        try:
            writer.add([END_CONTENT])
            if self._notary is not None:
                self._notary.finish(writer)
        except OSError as error:
            raise _not_recorded(self._uri, reason_of(error)) from error
        finally:
            writer.sink.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def _enqueue(
        self, record: Record, future: Future[Tip] | asyncio.Future[Tip], loop: _Loop | None = None
    ) -> None:
        waiting = Waiting(decision_content(encode_record(record)), future, loop)
        with self._entry:
            if self._closed or self._queue.qsize() >= _MOST_WAITING:
                reason = "it is closed" if self._closed else "too many decisions wait"
                raise _not_recorded(self._uri, reason)
            self._queue.put(waiting)

    def _mark(self, chain: str, mark: CheckpointMark) -> None:
        """Leave a line for a stored checkpoint, so that nobody removes it unnoticed."""
        with self._entry:
            if not self._closed:
                self._queue.put(Waiting(mark_content(mark), chain=chain))

    def _write_all(self) -> None:
        ended = False
        while not ended:
            batch, ended = next_batch(self._queue)
            try:
                self._write(batch)
            except Exception as error:  # noqa: BLE001 - whatever it is, those who wait are told
                self._give_up(error)
                reason = reason_of(error)
                answer(batch, lambda _: _not_recorded(self._uri, reason))  # noqa: B023

    def _write(self, batch: list[Waiting]) -> None:
        writer = self._writer or self._begin_again()
        batch = [w for w in batch if not w.chain or w.chain == writer.chain]
        if not batch:
            return
        tips = writer.add([waiting.content for waiting in batch])
        self._failure = ""
        answer(batch, tips.__getitem__)
        if self._notary is not None:
            decisions = sum(not waiting.chain for waiting in batch)
            self._notary.recorded(writer, decisions)

    def _begin_again(self) -> ChainWriter:
        """A new chain in place of one that could not go on."""
        if time.monotonic() < self._retry_at:
            raise OSError(self._failure)  # a full disk is not filled with attempts
        self._writer = begin_chain(self._uri, self._replica, self._signer)
        _log.warning("the audit trail goes on in a new chain: %s", self._writer.chain)
        return self._writer

    def _give_up(self, error: Exception) -> None:
        """What the chain ends with is not known: nothing is added to it any more."""
        self._failure = reason_of(error)
        self._retry_at = time.monotonic() + _PAUSE
        writer, self._writer = self._writer, None
        if writer is not None:
            _log.error(
                "a chain of the audit trail cannot go on: %s: %s", writer.chain, self._failure
            )
            if self._notary is None:
                writer.sink.close()  # else the notary closes it, who may be writing to it


def _not_recorded(uri: str, reason: str) -> AuditError:
    return AuditError(
        Code.AUDIT_NOT_RECORDED,
        "the decision could not be recorded, so it must not be told",
        where=without_credentials(uri),
        expected="a record on stable storage",
        found=reason,
        remedy="check space, rights and reachability of the audit trail",
    )
