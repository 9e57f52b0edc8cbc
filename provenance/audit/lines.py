"""The lines of a chain: written as canonical JSON, read back strictly.

The keys of a line are written in their order by hand, around a part that is canonical
already: so a decision is encoded by the thread that brings it, and the one thread that
writes has little to do.
"""

from __future__ import annotations

import json
from datetime import datetime

from pydantic import ValidationError

from kfp_provenance.attest.printable import printable
from kfp_provenance.audit.encoding import MAX_LINE, canonical_json, moment
from kfp_provenance.audit.line_model import LineModel
from kfp_provenance.audit.records import CheckpointMark, Entry, Start, Tip
from kfp_provenance.codes import Code
from kfp_provenance.errors import AuditError
from kfp_provenance.facts import Digest

VERSION = 1


def decision_content(encoded: bytes) -> bytes:
    """Content of a line with a decision, from :func:`encode_record`."""
    return b'"decision":' + encoded


def start_content(start: Start) -> bytes:
    """Content of the first line."""
    value = {
        "replica": start.replica,
        "signer": start.signer,
        "follows": [_tip(tip) for tip in start.follows],
    }
    return b'"start":' + canonical_json(value)


def mark_content(mark: CheckpointMark) -> bytes:
    """Content of the line that a stored checkpoint leaves."""
    value = {"number": mark.number, "digest": str(mark.digest)}
    return b'"checkpoint":' + canonical_json(value)


END_CONTENT = b'"end":{}'
"""Content of the last line."""


def make_line(
    chain: str, sequence: int, previous: Digest | None, time: datetime, content: bytes
) -> bytes:
    """One line, without its newline. ``chain`` holds nothing that JSON escapes."""
    before = "null" if previous is None else f'"{previous}"'
    parts = [b'"chain":"' + chain.encode("ascii") + b'"', content]
    parts.append(f'"previous":{before},"sequence":{sequence}'.encode("ascii"))
    if content.startswith(b'"start"'):  # the one content whose key sorts behind "sequence"
        parts[1], parts[2] = parts[2], parts[1]
    parts.append(f'"time":"{moment(time)}","version":{VERSION}'.encode("ascii"))
    return b"{" + b",".join(parts) + b"}"


def line_digest(line: bytes) -> Digest:
    """SHA-256 of a line without its newline."""
    return Digest.of(line)


def parse_line(line: bytes) -> Entry:
    """Read one line, without its newline.

    Raises:
        AuditError: AUDIT_RECORD_MALFORMED for anything that :func:`make_line` does not make.
    """
    if len(line) > MAX_LINE:
        raise _malformed(f"{len(line)} bytes")
    try:
        value = json.loads(line)
        # so keys occur once, in one order, and every number is written in one way
        if canonical_json(value) != line:
            raise _malformed("not canonical JSON")
        model = LineModel.model_validate(value)
    except ValidationError as error:
        first = error.errors(include_url=False, include_context=False, include_input=False)[0]
        raise _malformed(f"{'.'.join(map(str, first['loc']))}: {first['msg']}") from error
    except RecursionError as error:
        raise _malformed("nested too deep") from error
    except ValueError as error:
        raise _malformed(f"not JSON in UTF-8: {error}") from error
    return Entry(
        chain=model.chain,
        sequence=model.sequence,
        previous=model.previous,
        time=model.time,
        content=model.content(),
        digest=line_digest(line),
    )


def _tip(tip: Tip) -> dict[str, object]:
    return {"chain": tip.chain, "sequence": tip.sequence, "digest": str(tip.digest)}


def _malformed(found: str) -> AuditError:
    return AuditError(
        Code.AUDIT_RECORD_MALFORMED,
        "a line is not one that the trail writes",
        expected=f"canonical JSON of at most {MAX_LINE} bytes, as docs/reference/audit-trail.md "
        "describes",
        found=printable(found, 500),
        remedy="ask whoever can write to the trail",
    )
