"""One chain as it is written: each line repeats the digest of the line before."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from datetime import UTC, datetime

from kfp_provenance.audit.lines import line_digest, make_line, parse_line, start_content
from kfp_provenance.audit.naming import RECORDS, new_chain
from kfp_provenance.audit.records import Entry, Start, Tip
from kfp_provenance.audit.sinks import Sink, new_sink
from kfp_provenance.audit.sources import Source, last_line, open_source, read_lines
from kfp_provenance.errors import AuditError
from kfp_provenance.facts import Digest

_LOOK_BACK = 32
"""Chains that a new one looks at, of those that are there."""

_log = logging.getLogger(__name__)


class ChainWriter:
    """Writes one chain. Not for several threads at once.

    Args:
        sink: Where to, empty.
        chain: Id of the chain.
        start: Its first line, which is written at once.
    """

    def __init__(self, sink: Sink, chain: str, start: Start) -> None:
        self.sink = sink
        self.chain = chain
        self._sequence = -1
        self._digest: Digest | None = None
        try:
            self.tip = self.add([start_content(start)])[0]
        except BaseException:
            sink.discard()
            raise

    def add(self, contents: Sequence[bytes]) -> list[Tip]:
        """Write lines with these contents; they are on stable storage afterwards.

        Raises:
            OSError: What was written is not known: this chain must not go on.
            StorageError: Likewise.
        """
        now = datetime.now(UTC)
        sequence, digest = self._sequence, self._digest
        lines, receipts = [], []
        for content in contents:
            sequence += 1
            line = make_line(self.chain, sequence, digest, now, content)
            digest = line_digest(line)
            lines.append(line)
            receipts.append(Tip(self.chain, sequence, digest))
        self.sink.write(RECORDS, self._sequence + 1, b"\n".join(lines) + b"\n")
        self._sequence, self._digest = sequence, digest
        self.tip = receipts[-1]
        return receipts


def begin_chain(uri: str, replica: str, signer: str) -> ChainWriter:
    """Begin a new chain behind those that are there.

    Raises:
        OSError, StorageError, AuditError: If the trail cannot be read or written.
    """
    follows = open_tips(open_source(uri))
    chain = new_chain(replica, datetime.now(UTC))
    return ChainWriter(new_sink(uri, chain), chain, Start(replica, signer, follows))


def open_tips(source: Source) -> tuple[Tip, ...]:
    """How far the chains of a trail are, as far as no other chain says so already.

    So whoever removes a whole chain, or shortens it, must also change each chain that began
    after it. Looks at the newest chains, and at those that these knew.
    """
    chains = source.chains()
    newest = chains[-_LOOK_BACK:]
    starts = [start for start in (_start(source, chain) for chain in newest) if start]
    named = {tip for start in starts for tip in start.follows}
    tips = []
    for chain in sorted({*newest, *({tip.chain for tip in named} & set(chains))}):
        last = _entry(last_line(source, chain, RECORDS), chain)
        if last is None:
            continue
        tip = Tip(chain, last.sequence, last.digest)
        if tip not in named:
            tips.append(tip)
    return tuple(tips)


def first_entry(source: Source, chain: str) -> Entry | None:
    """The first line of a chain; None if it is missing or cannot be read."""
    names = source.files(chain, RECORDS)
    if not names:
        return None
    with source.open(chain, names[0]) as file:
        line, whole = next(read_lines(file), (b"", False))
    return _entry(line, chain) if whole else None


def _start(source: Source, chain: str) -> Start | None:
    first = first_entry(source, chain)
    return first.content if first is not None and isinstance(first.content, Start) else None


def _entry(line: bytes | None, chain: str) -> Entry | None:
    if line is None:
        return None
    try:
        return parse_line(line)
    except AuditError as error:
        # the gate must not stand still for it; whoever verifies the trail is told
        _log.warning("a chain of the audit trail is damaged: %s: %s", chain, error.found)
        return None
