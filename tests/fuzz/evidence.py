"""What a bundle says and who signed it, read without any code of this project."""

from __future__ import annotations

import base64
import json
from dataclasses import dataclass
from typing import Any


class TwoMeaningsError(ValueError):
    """A reader might read it otherwise."""


@dataclass(frozen=True)
class SignedContent:
    """A line: the signed bytes, and the key or the certificate that they are signed with."""

    payload: bytes
    payload_type: str
    signer: str


def strict(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """An object without a key twice."""
    found = dict(pairs)
    if len(found) != len(pairs):
        raise TwoMeaningsError
    return found


def _unconditional(text: str) -> bytes:
    data = base64.b64decode(text, validate=True)
    if base64.b64encode(data).decode() != text:
        raise TwoMeaningsError(text[:100])
    return data


def signed_content(line: bytes) -> SignedContent:
    """Of one line, by the names of the published format alone."""
    value = json.loads(line.decode("utf-8"), object_pairs_hook=strict)
    envelope, material = value["dsseEnvelope"], value["verificationMaterial"]
    _unconditional(envelope["signatures"][0]["sig"])
    key, certificate = material.get("publicKey"), material.get("certificate")
    if len(envelope["signatures"]) != 1 or (certificate is None) == (key is None):
        raise TwoMeaningsError
    if certificate is not None:
        signer = "certificate " + base64.b64decode(certificate["rawBytes"]).hex()
    else:
        signer = "key " + key["hint"]
    return SignedContent(_unconditional(envelope["payload"]), envelope["payloadType"], signer)


def difference(original: bytes, mutant: bytes) -> str:
    """Why a mutant that passes is not the same evidence; empty if it is.

    The steps' lines are the same bytes, the signed bytes of the summary too, the same party
    signed them, and they stand in the same order. Only what is around the signed bytes of
    the summary may be written otherwise, for nothing names that line.
    """
    one, other = (data.removesuffix(b"\n").split(b"\n") for data in (original, mutant))
    if len(one) != len(other):
        return f"{len(other)} lines instead of {len(one)}"
    if one[:-1] != other[:-1]:
        return "the line of a step is not the same bytes"
    try:
        if signed_content(one[-1]) != signed_content(other[-1]):
            return "the summary says something else, or somebody else signed it"
    except (ValueError, KeyError, TypeError, LookupError) as error:
        return f"another reader does not read the summary: {error!r}"
    return ""
