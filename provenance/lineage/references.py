"""What people call an artifact -> its rows in a store."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from kfp_provenance.codes import Code
from kfp_provenance.errors import StoreError
from kfp_provenance.facts import Digest
from kfp_provenance.hashing import hash_path
from kfp_provenance.metadata.graph import EdgeRow, LineageIndex

_DIGEST = re.compile(r"sha256:([0-9a-f]{64})")
_BEGINNING = re.compile(r"(?:sha256:)?([0-9a-f]{8,64})")
_OUTPUT = re.compile(
    r"(?P<run>[^/#]+)/(?:(?P<task>[^#]+)/)?(?P<name>[^/#]+)(?:#(?P<index>[0-9]{1,9}))?"
)
_LIMIT: Final = 8192
_SHOWN: Final = 5
FORMS: Final = "sha256:<hex>, its first 8 digits or more, a path, a URI, or RUN/[TASK/]OUTPUT[#N]"


@dataclass(frozen=True)
class Found:
    """An artifact that was asked for.

    Attributes:
        text: The reference as it was given.
        rows: Its rows in the store: all of equal bytes, or the one of a run's output.
    """

    text: str
    rows: tuple[int, ...]


def find(index: LineageIndex, text: str) -> Found:
    """Find an artifact by what it is called.

    A URI stands for the bytes that the newest row with it has: bytes at a place change.

    Args:
        index: The store.
        text: ``sha256:<hex>`` or its beginning (8 hex digits or more), the output of a run
            (``RUN/[TASK/]OUTPUT[#POSITION]``), the URI of an artifact, or the path of a
            file or directory here, which is hashed.

    Raises:
        StoreError: REFERENCE_UNKNOWN or REFERENCE_AMBIGUOUS.
        ArtifactError: If the path cannot be hashed.
    """
    if not text or len(text) > _LIMIT or not text.isprintable():
        raise _unknown(index, "this is no reference to an artifact", text)
    for rows in _candidates(index, text):
        if rows:
            return Found(text, rows)
    raise _unknown(index, "nothing in the store is called so", text)


def _candidates(index: LineageIndex, text: str) -> Iterator[tuple[int, ...]]:
    if match := _DIGEST.fullmatch(text):
        yield index.rows_with_digest(Digest(match[1]))
        return
    if match := _BEGINNING.fullmatch(text):
        yield _beginning(index, match[1])
    yield _output(index, text)
    if rows := index.rows_at(text):
        yield _same_bytes(index, rows[-1])
    path = Path(text)
    if _is_there(path):
        yield index.rows_with_digest(hash_path(path).digest)


def _is_there(path: Path) -> bool:
    try:
        return path.exists()
    except PermissionError:
        return True  # hashing it says what may not be read
    except OSError:
        return False  # a name that is too long to be one


def _beginning(index: LineageIndex, digits: str) -> tuple[int, ...]:
    digests = index.digests_beginning(f"sha256:{digits}", _SHOWN + 1)
    if len(digests) > 1:
        raise _ambiguous(index, digits, [str(digest) for digest in digests])
    return index.rows_with_digest(digests[0]) if digests else ()


def _output(index: LineageIndex, text: str) -> tuple[int, ...]:
    match = _OUTPUT.fullmatch(text)
    steps = index.steps(index.steps_of_run(match["run"])) if match else ()
    if match is None or not steps:
        return ()
    task, position = match["task"] or "", int(match["index"] or 0)
    tasks = {step.id: step.task for step in steps if task in ("", step.task)}
    edges = [
        edge
        for edge in index.edges(sorted(tasks))
        if edge.output and (edge.name, edge.index) == (match["name"], position)
    ]
    if len({tasks[edge.step] for edge in edges}) > 1:
        names = [f"{match['run']}/{tasks[edge.step]}/{edge.name}" for edge in edges]
        raise _ambiguous(index, text, names)
    return _newest(edges)


def _newest(edges: list[EdgeRow]) -> tuple[int, ...]:
    """Of several attempts of a task, the last one."""
    return (max(edges, key=lambda edge: edge.step).artifact,) if edges else ()


def _same_bytes(index: LineageIndex, row: int) -> tuple[int, ...]:
    (artifact,) = index.artifacts([row])
    return index.rows_with_digest(artifact.digest) if artifact.digest else (row,)


def _unknown(index: LineageIndex, message: str, text: str) -> StoreError:
    return StoreError(
        Code.REFERENCE_UNKNOWN,
        message,
        where=index.where,
        expected=FORMS,
        found=repr(text[:200]),
        remedy="`kprov runs` and `kprov show RUN` list what there is; is it the right store?",
    )


def _ambiguous(index: LineageIndex, text: str, names: list[str]) -> StoreError:
    shown = ", ".join(names[:_SHOWN]) + (", ..." if len(names) > _SHOWN else "")
    return StoreError(
        Code.REFERENCE_AMBIGUOUS,
        "several artifacts are called so",
        where=index.where,
        expected="one of them",
        found=f"{text[:200]}: {shown}",
        remedy="give more digits of the digest, or the task of the run",
    )
