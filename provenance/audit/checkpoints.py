"""Signed statements of how far a chain is."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Annotated, Literal

import rfc8785
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from kfp_provenance.attest.identifiers import (
    AUDIT_CHECKPOINT_TYPE,
    GATE_BUILDER,
    PAYLOAD_TYPE,
    STATEMENT_TYPE,
)
from kfp_provenance.attest.printable import printable
from kfp_provenance.attest.strict_json import MAX_INTEGER, StrictJsonError, loads
from kfp_provenance.audit.encoding import MAX_LINE, JsonObject, moment
from kfp_provenance.audit.line_model import ChainId, Moment
from kfp_provenance.audit.records import Tip
from kfp_provenance.bundle.format import Line, read_bundle
from kfp_provenance.codes import Code
from kfp_provenance.errors import AuditError, BundleError
from kfp_provenance.facts import Digest
from kfp_provenance.signing.interface import Signer


@dataclass(frozen=True)
class Checkpoint:
    """How far a chain was.

    Attributes:
        number: Counts the checkpoints of the chain, from 1.
        tip: Newest line.
        time: When it was made.
        line: The signed line.
    """

    number: int
    tip: Tip
    time: datetime
    line: Line


def sign_checkpoint(tip: Tip, number: int, signer: Signer) -> bytes:
    """One line, without its newline: a Sigstore bundle.

    Raises:
        SigningError: If the signer fails.
    """
    statement: JsonObject = {
        "_type": STATEMENT_TYPE,
        "subject": [
            {"name": f"{tip.chain}/{tip.sequence}", "digest": {"sha256": tip.digest.hex}},
        ],
        "predicateType": AUDIT_CHECKPOINT_TYPE,
        "predicate": {
            "builder": GATE_BUILDER,
            "chain": tip.chain,
            "number": number,
            "sequence": tip.sequence,
            "time": moment(datetime.now(UTC)),
        },
    }
    return signer.sign(rfc8785.dumps(statement), PAYLOAD_TYPE)


def read_bundle_line(raw: bytes) -> Line:
    """Take one line of a checkpoints file apart. Nothing in it is believed yet.

    Raises:
        AuditError: AUDIT_CHECKPOINT_INVALID.
    """
    if len(raw) > MAX_LINE:
        raise _malformed(f"{len(raw)} bytes")
    try:
        (line,) = read_bundle(raw)
    except (BundleError, ValueError) as error:
        raise _malformed(getattr(error, "found", str(error))) from error
    return line


def parse_checkpoint(line: Line) -> Checkpoint:
    """Interpret a line whose signature holds.

    Raises:
        AuditError: AUDIT_CHECKPOINT_INVALID.
    """
    try:
        statement = _Statement.model_validate(loads(line.payload))
    except StrictJsonError as error:
        raise _malformed(str(error)) from error
    except ValidationError as error:
        first = error.errors(include_url=False, include_context=False, include_input=False)[0]
        raise _malformed(f"{'.'.join(map(str, first['loc']))}: {first['msg']}") from error
    said, (subject,) = statement.predicate, statement.subject
    if subject.name != f"{said.chain}/{said.sequence}":
        raise _malformed(f"subject {subject.name} of {said.chain}/{said.sequence}")
    tip = Tip(said.chain, said.sequence, Digest(subject.digest.sha256))
    return Checkpoint(said.number, tip, said.time, line)


class _Model(BaseModel):
    model_config = ConfigDict(strict=True, extra="forbid", frozen=True)


class _DigestSet(_Model):
    sha256: Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")]


class _Subject(_Model):
    name: Annotated[str, Field(max_length=256)]
    digest: _DigestSet


class _Predicate(_Model):
    builder: Literal["https://kfp-provenance.dev/builders/gate/v1"]
    chain: ChainId
    number: Annotated[int, Field(ge=1, le=MAX_INTEGER)]
    sequence: Annotated[int, Field(ge=0, le=MAX_INTEGER)]
    time: Moment


class _Statement(_Model):
    type: Annotated[Literal["https://in-toto.io/Statement/v1"], Field(alias="_type")]
    subject: Annotated[list[_Subject], Field(min_length=1, max_length=1)]
    predicateType: Literal["https://kfp-provenance.dev/audit-checkpoint/v1"]  # noqa: N815
    predicate: _Predicate


def _malformed(found: str) -> AuditError:
    return AuditError(
        Code.AUDIT_CHECKPOINT_INVALID,
        "a checkpoint cannot be read",
        expected="a Sigstore bundle with a statement, as docs/reference/audit-trail.md describes",
        found=printable(found, 500),
        remedy="ask whoever can write to the trail",
    )
