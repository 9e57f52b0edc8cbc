"""Take a signed bundle apart, change it, and put it together again: the attacker's desk."""

from __future__ import annotations

import base64
import hashlib
import json
from collections.abc import Callable, Sequence
from typing import Any

from kfp_provenance.attest import PAYLOAD_TYPE
from kfp_provenance.signing import Signer

Statement = dict[str, Any]
CHAIN = "https://kfp-provenance.dev/chain/v1"


def lines_of(bundle: bytes) -> list[bytes]:
    return bundle.splitlines()


def joined(lines: Sequence[bytes]) -> bytes:
    return b"".join(line + b"\n" for line in lines)


def edit_line(bundle: bytes, number: int, change: Callable[[Statement], object]) -> bytes:
    """Change the wrapper of one line without signing it again."""
    lines = lines_of(bundle)
    value = json.loads(lines[number])
    change(value)
    lines[number] = json.dumps(value, separators=(",", ":")).encode()
    return joined(lines)


def statement_of(line: bytes) -> Statement:
    payload = json.loads(line)["dsseEnvelope"]["payload"]
    return dict(json.loads(base64.b64decode(payload)))


def statements_of(bundle: bytes) -> list[Statement]:
    return [statement_of(line) for line in lines_of(bundle)]


def sign_payload(payload: bytes, signer: Signer, payload_type: str = PAYLOAD_TYPE) -> bytes:
    return signer.sign(payload, payload_type)


def sign_statement(statement: Statement, signer: Signer) -> bytes:
    return sign_payload(json.dumps(statement, separators=(",", ":")).encode(), signer)


def forged(statements: Sequence[Statement], signer: Signer, *, relist: bool = True) -> bytes:
    """Sign statements, the summary last; ``relist`` makes the summary name the new lines.

    This is what whoever holds the key can do, so it reaches the checks behind the signature.
    """
    *steps, summary = statements
    lines = [sign_statement(step, signer) for step in steps]
    if relist:
        summary["predicate"]["inputAttestations"] = [
            {
                "name": step["predicate"]["runDetails"]["metadata"]["invocationId"],
                "digest": {"sha256": hashlib.sha256(line).hexdigest()},
            }
            for step, line in zip(steps, lines, strict=True)
        ]
    return joined([*lines, sign_statement(summary, signer)])


def dependencies(statement: Statement) -> list[Statement]:
    """Inputs of a step statement."""
    found: list[Statement] = statement["predicate"]["buildDefinition"]["resolvedDependencies"]
    return found


def internal(statement: Statement) -> Statement:
    found: Statement = statement["predicate"]["buildDefinition"]["internalParameters"]
    return found


def external(statement: Statement) -> Statement:
    found: Statement = statement["predicate"]["buildDefinition"]["externalParameters"]
    return found


def set_digest(statement: Statement, data: bytes) -> None:
    statement["subject"][0]["digest"]["sha256"] = hashlib.sha256(data).hexdigest()


def forget_root(statements: list[Statement]) -> None:
    statements[-1]["predicate"][CHAIN]["roots"] = []
