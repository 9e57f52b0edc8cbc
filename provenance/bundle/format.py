"""The ``.sigstore.jsonl`` format, as specified in docs/reference/bundle.md."""

from __future__ import annotations

import base64
from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum

from kfp_provenance.attest.identifiers import BUNDLE_MEDIA_TYPE, PROVENANCE_TYPE, SUMMARY_TYPE
from kfp_provenance.attest.printable import printable
from kfp_provenance.attest.strict_json import JsonValue, StrictJsonError, loads
from kfp_provenance.codes import Code
from kfp_provenance.errors import BundleError
from kfp_provenance.facts import Digest

MAX_BUNDLE = 16 * 1024 * 1024
MAX_LINES = 4096
MAX_LINE = 4 * 1024 * 1024
MAX_VALUES = 4096
"""JSON values in a line; few have a hundred. The models take kilobytes for each bad one."""


@dataclass(frozen=True)
class Line:
    """One Sigstore bundle, well formed and not verified.

    Attributes:
        number: Position in the file, from 1.
        raw: Bytes of the line without its newline.
        digest: SHA-256 of ``raw``: how the summary names the line.
        hint: Which public key it claims to be signed with; empty with a certificate.
        payload_type: DSSE payload type.
        payload: The signed bytes, exactly.
        signatures: Raw signatures.
        certificate: DER of the certificate that it claims to be signed with; empty with a key.
    """

    number: int
    raw: bytes
    digest: Digest
    hint: str
    payload_type: str
    payload: bytes
    signatures: tuple[bytes, ...]
    certificate: bytes = b""

    @property
    def statement_digest(self) -> Digest:
        """SHA-256 of the signed bytes: what the line says, however it is wrapped."""
        return Digest.of(self.payload)

    @property
    def where(self) -> str:
        """How findings name it."""
        return f"line {self.number} of the bundle"


class LineKind(StrEnum):
    """What a line claims to hold."""

    STEP = "step"
    SUMMARY = "summary"
    UNKNOWN = "unknown"


@dataclass(frozen=True)
class BundleFile:
    """One line as a file of its own: name and bytes."""

    name: str
    data: bytes


def write_bundle(lines: Sequence[bytes]) -> bytes:
    """The file: every line ends with a newline.

    Raises:
        BundleError: BUNDLE_TOO_LARGE if :func:`read_bundle` would refuse it.
    """
    data = b"".join(line + b"\n" for line in lines)
    longest = max(map(len, lines), default=0)
    if len(data) > MAX_BUNDLE or len(lines) > MAX_LINES or longest > MAX_LINE:
        raise too_large(f"{len(data)} bytes, {len(lines)} lines, the longest {longest} bytes")
    return data


def read_bundle(data: bytes) -> tuple[Line, ...]:
    """Take a bundle apart. Nothing in it is verified by this.

    Raises:
        BundleError: BUNDLE_TOO_LARGE, BUNDLE_MALFORMED or MEDIA_TYPE_UNKNOWN.
    """
    if len(data) > MAX_BUNDLE:
        raise too_large(f"{len(data)} bytes")
    body = data.removesuffix(b"\n")
    if not body:
        raise _malformed("the bundle", "no line")
    if body.count(b"\n") >= MAX_LINES:
        raise too_large(f"{body.count(bytes([10])) + 1} lines")
    return tuple(_line(number, raw) for number, raw in enumerate(body.split(b"\n"), start=1))


def bundle_digest(lines: Sequence[Line]) -> Digest:
    """SHA-256 of the file as :func:`write_bundle` writes it."""
    return Digest.of(b"".join(line.raw + b"\n" for line in lines))


def line_kind(line: Line) -> LineKind:
    """What a line claims to hold: for display and file names, never for a judgement."""
    try:
        statement = loads(line.payload)
    except StrictJsonError:
        return LineKind.UNKNOWN
    claimed = statement.get("predicateType") if isinstance(statement, dict) else None
    if claimed == PROVENANCE_TYPE:
        return LineKind.STEP
    return LineKind.SUMMARY if claimed == SUMMARY_TYPE else LineKind.UNKNOWN


def split_bundle(lines: Sequence[Line]) -> tuple[BundleFile, ...]:
    """One file per line for tools that read one bundle per file, such as cosign.

    The bytes have no newline at the end, so that their ``sha256sum`` is the digest by
    which the summary names the line.
    """
    return tuple(
        BundleFile(f"{line.number:04d}-{line_kind(line)}.sigstore.json", line.raw) for line in lines
    )


def too_large(found: str) -> BundleError:
    """A bundle beyond the limits."""
    return BundleError(
        Code.BUNDLE_TOO_LARGE,
        "the bundle is larger than any bundle that is read",
        expected=f"at most {MAX_BUNDLE} bytes, {MAX_LINES} lines, {MAX_LINE} bytes a line",
        found=found,
        remedy="check that this is a provenance bundle",
    )


def _line(number: int, raw: bytes) -> Line:
    where = f"line {number} of the bundle"
    if len(raw) > MAX_LINE:
        raise too_large(f"{where} has {len(raw)} bytes")
    if raw.count(b",") >= MAX_VALUES:  # base64 has none: so values are counted without reading
        raise _malformed(where, f"more than {MAX_VALUES} values")
    try:
        value = loads(raw)
    except StrictJsonError as error:
        raise _malformed(where, str(error)) from error
    if not isinstance(value, dict):
        raise _malformed(where, "not a JSON object")
    if value.get("mediaType") != BUNDLE_MEDIA_TYPE:
        raise BundleError(
            Code.MEDIA_TYPE_UNKNOWN,
            "a line is not a Sigstore bundle v0.3",
            where=where,
            expected=BUNDLE_MEDIA_TYPE,
            found=repr(value.get("mediaType"))[:200],
            remedy="check that this is a provenance bundle",
        )
    return _opened(number, raw, value, where)


def _opened(number: int, raw: bytes, value: dict[str, JsonValue], where: str) -> Line:
    from pydantic import ValidationError  # noqa: PLC0415 - with the models, where they are used
    from sigstore_models.bundle.v1 import Bundle  # noqa: PLC0415

    try:
        # by the names of the format alone: the models also know names of their own
        whole = _with_empty_log(value)
        bundle = Bundle.model_validate(whole, by_alias=True, by_name=False)
    except ValidationError as error:
        first = error.errors(include_url=False, include_context=False, include_input=False)[0]
        path = ".".join(map(str, first["loc"]))
        raise _malformed(where, f"{path}: {first['msg']}") from error
    material, envelope = bundle.verification_material, bundle.dsse_envelope
    key, certificate = material.public_key, material.certificate
    if envelope is None or (key is None) == (certificate is None):
        raise _malformed(where, "not a DSSE envelope with either a key hint or a certificate")
    signatures = tuple(signature.sig for signature in envelope.signatures)
    if not _canonical_base64(value["dsseEnvelope"], envelope.payload, signatures):
        raise _malformed(where, "payload or signature is not canonical base64")
    return Line(
        number=number,
        raw=raw,
        digest=Digest.of(raw),
        hint=str(key.hint or "") if key is not None else "",
        payload_type=str(envelope.payload_type),
        payload=envelope.payload,
        signatures=signatures,
        certificate=certificate.raw_bytes if certificate is not None else b"",
    )


def _with_empty_log(value: dict[str, JsonValue]) -> dict[str, JsonValue]:
    """JSON of protobuf leaves an empty list out, which the models do not know."""
    material = value.get("verificationMaterial")
    if not isinstance(material, dict) or "tlogEntries" in material:
        return value
    return {**value, "verificationMaterial": {**material, "tlogEntries": []}}


def _canonical_base64(raw: JsonValue, payload: bytes, signatures: tuple[bytes, ...]) -> bool:
    """The models decode leniently; one envelope must have one text."""
    if not isinstance(raw, dict) or not isinstance(raw["signatures"], list):
        return False
    texts = [raw["payload"], *(s["sig"] for s in raw["signatures"] if isinstance(s, dict))]
    return texts == [base64.b64encode(data).decode("ascii") for data in (payload, *signatures)]


def _malformed(where: str, reason: str) -> BundleError:
    return BundleError(
        Code.BUNDLE_MALFORMED,
        "the bundle cannot be read",
        where=where,
        expected="a Sigstore bundle v0.3 on each line: DSSE envelope, key hint or certificate",
        found=printable(reason, 500),
        remedy="fetch the bundle again, unchanged, as the signing step wrote it",
    )
