"""One chain, line by line: does each follow the one before, and does it match what is signed?"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from kfp_provenance.audit.lines import line_digest, parse_line
from kfp_provenance.audit.records import CheckpointMark, End, Entry, Record, Start, Tip
from kfp_provenance.audit.report import Collected
from kfp_provenance.codes import Code
from kfp_provenance.errors import AuditError
from kfp_provenance.facts import Digest, Finding

_WINDOW = 4096
"""Lines that are remembered, to tell a repeated one from a moved one."""
_MOST_GAPS = 1000
_REMEDY = "ask whoever can write to the trail; a copy of it may hold the line"


@dataclass(frozen=True)
class Head:
    """Somebody says which line a chain has at a place.

    Attributes:
        tip: The line.
        by: Who says so, for people.
    """

    tip: Tip
    by: str


class ChainCheck:
    """Reads the lines of one chain in their order; memory does not grow with them.

    Args:
        chain: Id of the chain.
        heads: What checkpoints and other chains say about it.
        collected: Takes the findings.
    """

    def __init__(self, chain: str, heads: Sequence[Head], collected: Collected) -> None:
        self._chain = chain
        self._collected = collected
        self._heads: dict[int, list[Head]] = {}
        for head in heads:
            self._heads.setdefault(head.tip.sequence, []).append(head)
        self._recent: OrderedDict[int, Digest] = OrderedDict()
        self._gaps: list[tuple[int, int]] = []
        self._next = 0
        self._entry: Entry | None = None
        self.start: Start | None = None
        self.ended = False
        self.lines = 0
        self.decisions = 0
        self.marks: list[CheckpointMark] = []
        self.held: dict[Tip, int] = {}
        """Heads that hold, and the decisions up to each."""

    @property
    def tip(self) -> Tip | None:
        """Newest line."""
        last = self._entry
        return None if last is None else Tip(self._chain, last.sequence, last.digest)

    @property
    def last(self) -> Entry | None:
        """Newest line, as it was read."""
        return self._entry

    def read(self, line: bytes) -> None:
        """The next line, without its newline."""
        self.lines += 1
        try:
            entry = parse_line(line)
        except AuditError as error:
            self._refuse(error.code, error.message, self._next, error.expected, error.found)
            self._remember(self._next, line_digest(line))
            self._next += 1
            return
        if entry.chain != self._chain:
            message = "a line of another chain was put in"
            self._refuse(Code.AUDIT_RECORD_INSERTED, message, self._next, self._chain, entry.chain)
        elif self.ended:
            message = "there is a line behind the end of the chain"
            self._refuse(Code.AUDIT_RECORD_INSERTED, message, entry.sequence, "nothing", "a line")
        elif entry.sequence < self._next:
            self._out_of_place(entry)
        else:
            self._in_place(entry)

    def hold_end(self, tips: Iterable[Tip]) -> None:
        """Somebody vouches for the newest line, if it is one of ``tips``."""
        if self.tip is not None and self.tip in tips:
            self.held[self.tip] = self.decisions

    def finish(self) -> None:
        """There are no more lines."""
        for first, last in self._gaps:
            self._dropped(first, last)
        known = {head.tip.sequence for heads in self._heads.values() for head in heads}
        beyond = max((sequence for sequence in known if sequence >= self._next), default=None)
        if beyond is not None:
            by = self._heads[beyond][0].by
            self._refuse(
                Code.AUDIT_CHAIN_TRUNCATED,
                f"the chain is shorter than {by} says",
                beyond,
                f"{beyond + 1} lines",
                f"{self._next} lines",
            )

    def _in_place(self, entry: Entry) -> None:
        before = self._recent.get(entry.sequence - 1)
        if entry.sequence > self._next:
            if len(self._gaps) < _MOST_GAPS:
                self._gaps.append((self._next, entry.sequence - 1))
            else:
                self._dropped(self._next, entry.sequence - 1)
        elif entry.previous != before:
            self._refuse(
                Code.AUDIT_RECORD_CHANGED,
                "a line was changed: the next one was written behind another",
                entry.sequence - 1,
                str(entry.previous),
                str(before or "no line"),
            )
        self._next = entry.sequence + 1
        self._entry = entry
        self._accept(entry)
        self.ended = isinstance(entry.content, End)

    def _out_of_place(self, entry: Entry) -> None:
        there = self._recent.get(entry.sequence)
        if there == entry.digest:
            code, message = Code.AUDIT_RECORD_DUPLICATE, "a line is there twice"
        elif there is not None and entry.previous == self._recent.get(entry.sequence - 1):
            code = Code.AUDIT_CHAIN_FORKED
            message = "two different lines follow the same line"
        else:
            code, message = Code.AUDIT_RECORD_REORDERED, "a line is not at its place"
            if there is None and self._fill(entry.sequence):
                self._accept(entry)
        self._refuse(code, message, entry.sequence, f"line {self._next}", f"line {entry.sequence}")

    def _accept(self, entry: Entry) -> None:
        self._remember(entry.sequence, entry.digest)
        content = entry.content
        if isinstance(content, Record):
            self.decisions += 1
        elif isinstance(content, CheckpointMark):
            self.marks.append(content)
        elif isinstance(content, Start):
            self.start = content
        for head in self._heads.get(entry.sequence, ()):
            if head.tip.digest == entry.digest:
                self.held[head.tip] = self.decisions
            else:
                self._refuse(
                    Code.AUDIT_CHAIN_REWRITTEN,
                    f"a line is not the one that {head.by} says",
                    entry.sequence,
                    str(head.tip.digest),
                    str(entry.digest),
                )

    def _remember(self, sequence: int, digest: Digest) -> None:
        self._recent[sequence] = digest
        if len(self._recent) > _WINDOW:
            self._recent.popitem(last=False)

    def _fill(self, sequence: int) -> bool:
        for position, (first, last) in enumerate(self._gaps):
            if first <= sequence <= last:
                parts = [(first, sequence - 1), (sequence + 1, last)]
                self._gaps[position : position + 1] = [part for part in parts if part[0] <= part[1]]
                return True
        return False

    def _dropped(self, first: int, last: int) -> None:
        self._refuse(
            Code.AUDIT_RECORD_DROPPED,
            f"{last - first + 1} lines are missing",
            first,
            f"lines {first} to {last}",
            "nothing",
        )

    def _refuse(self, code: Code, message: str, sequence: int, expected: str, found: str) -> None:
        where = f"{self._chain}/{sequence}"
        self._collected.refuse(
            Finding(code, message, artifact=where, expected=expected, found=found, remedy=_REMEDY)
        )
