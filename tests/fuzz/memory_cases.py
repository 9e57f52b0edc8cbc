"""What reading each of the large documents may cost."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from fuzz import large_documents as large
from fuzz.large_documents import (
    LINE,
    MEBI,
    PAYLOAD,
    POLICY,
    SIGNER,
    filled,
    keyless_line,
    line_with,
    many_keys,
)
from fuzz.originals import Original, key_signed, keyless
from kfp_provenance.bundle import read_bundle_file
from kfp_provenance.errors import ProvenanceError
from kfp_provenance.facts import Digest
from kfp_provenance.hashing import Listing, ListingEntry
from kfp_provenance.verify import load_sigstore_root, load_trust, verify_bundle

_CHAIN = ("predicate", "https://kfp-provenance.dev/chain/v1")
_START = '{"mediaType":"application/vnd.dev.sigstore.bundle.v0.3+json",'
_MATERIAL = "verificationMaterial"


@dataclass(frozen=True)
class Case:
    """One of them.

    Attributes:
        name: What it is.
        make: The document.
        use: Reads it, as the command line does; returns the codes.
        codes: That must come of it.
        megabytes: That reading it may take, beyond the program itself.
        seconds: That it may take; generous, for machines that have other work.
    """

    name: str
    make: Callable[[], bytes]
    use: Callable[[Path], str]
    codes: str
    megabytes: int = 64
    seconds: int = 30


def _judged(path: Path, original: Original) -> str:
    try:
        data = read_bundle_file(path)
    except ProvenanceError as error:
        return str(error.code)
    verdict = verify_bundle(data, original.trust, original.subject, now=original.now).verdict
    return str(verdict.findings[0].code) if verdict.findings else "PASSED"


def bundle(path: Path) -> str:
    """As ``kprov verify`` reads it, by a key and by an identity."""
    codes = {_judged(path, original) for original in (key_signed()[0], keyless()[1])}
    return " ".join(sorted(codes))


def by_key(path: Path) -> str:
    """By a key alone."""
    return _judged(path, key_signed()[0])


def policy(path: Path) -> str:
    """As ``load_trust`` reads it."""
    try:
        load_trust(path)
    except ProvenanceError as error:
        return str(error.code)
    return "READ"


def root(path: Path) -> str:
    """As ``load_sigstore_root`` reads it."""
    try:
        load_sigstore_root(path)
    except ProvenanceError as error:
        return str(error.code)
    return "READ"


def listing(path: Path) -> str:
    """As a bucket with so many objects is listed."""
    lines = path.read_text("utf-8").split("\n")
    made = Listing(ListingEntry(name, Digest("0" * 64), 1) for name in lines)
    return f"LISTED {made.content.files}"


_LARGE, _BAD = "BUNDLE_TOO_LARGE", "BUNDLE_MALFORMED"
_ODD, _NOT = "STATEMENT_MALFORMED", "TRUST_INVALID"

_SIGNATURES = ("dsseEnvelope", "signatures")
_ENTRIES = (_MATERIAL, "tlogEntries")
_BODY = ("tlogEntries", "canonicalizedBody")
_DER = ("certificate", "rawBytes")
_UNREAD = "CERTIFICATE_INVALID"
_FORGED = "CERTIFICATE_INVALID SIGNER_UNTRUSTED"  # by the identity, and by the key
_VALUES = b"[" + b"{}," * (PAYLOAD // 3 - 10) + b"{}]"
_TIMES = (_MATERIAL, "timestampVerificationData", "rfc3161Timestamps")


def _bundle(name: str, make: Callable[[], bytes], codes: str = _BAD) -> Case:
    """Whoever can write the file can write this: it costs next to nothing."""
    return Case(name, make, bundle, codes)


BUNDLES = (
    _bundle("100 MB", lambda: bytes(100 * MEBI), _LARGE),
    _bundle("16 MB of brackets", lambda: b"[" * 16 * MEBI, _LARGE),
    _bundle("4 lines of brackets", lambda: b"\n".join([b"[" * LINE] * 4)),
    _bundle("nested objects", lambda: b'{"a":' * (LINE // 5)),
    _bundle("5000 lines", lambda: b"{}\n" * 5000, _LARGE),
    _bundle("empty lines", lambda: b"\n" * 16 * MEBI, _LARGE),
    Case("4096 good lines", large.duplicates, by_key, "SUMMARY_MISSING", 128, 60),
    _bundle("a long number", lambda: b"9" * LINE),
    _bundle("a long fraction", lambda: b"0." + b"9" * LINE),
    _bundle("a long text", lambda: filled('"', "\\u0041", '"')),
    _bundle("many keys", many_keys),
    _bundle("many unknown fields", lambda: many_keys(_START)),
    _bundle("many signatures", lambda: line_with(_SIGNATURES, '{"sig":""}')),
    _bundle("many log entries", lambda: line_with(_ENTRIES, "{}")),
    _bundle("a large certificate", lambda: keyless_line(_DER, b"\x30" * PAYLOAD), _UNREAD),
    _bundle("a log entry of brackets", lambda: keyless_line(_BODY, b"[" * PAYLOAD), _FORGED),
    _bundle("a log entry of values", lambda: keyless_line(_BODY, _VALUES), _FORGED),
    _bundle("many times", lambda: line_with(_TIMES, '{"signedTimestamp":""}')),
)
_EXTERNAL = ("predicate", "buildDefinition", "externalParameters")
_VERSION = ("predicate", "runDetails", "builder", "version")
_STORED = (*_CHAIN, "stored", "rehashed")


def _said(name: str, make: Callable[[], bytes], codes: str = _ODD) -> Case:
    """Whom the verifier trusts may cost more: each bad value of a statement is named first."""
    return Case(f"said: {name}", make, by_key, codes, megabytes=450, seconds=60)


STATEMENTS = (
    _said("many subjects", lambda: large.said(0, ["subject"], "{}")),
    _said("many subjects, 3 lines", lambda: large.said(0, ["subject"], "{}", 3)),
    _said("many roots", lambda: large.said(4, [*_CHAIN, "roots"], "{}")),
    _said("many stored", lambda: large.said(4, _STORED, "{}")),
    _said(
        "a large parameter",
        lambda: large.said(0, [*_EXTERNAL, "parameters", "p"], "[0]"),
        "SUMMARY_MISMATCH",
    ),
    _said(
        "many parameters",
        lambda: large.said_keys([*_EXTERNAL, "parameters"]),
        "SUMMARY_MISMATCH",
    ),
    _said("many unknown fields", lambda: large.said_keys(_EXTERNAL)),
    _said("many versions", lambda: large.said_keys(_VERSION)),
)


def _policy(name: str, make: Callable[[], bytes], codes: str = _NOT, megabytes: int = 128) -> Case:
    """A policy is the verifier's own; PyYAML is slow."""
    return Case(name, make, policy, codes, megabytes, seconds=60)


def _root(name: str, make: Callable[[], bytes]) -> Case:
    return Case(name, make, root, _NOT)


_TABLES = "[[require.components]]\n"
_LONG_NAMES = ".".join("abcd" * 7) + " = 1\n"
_SIGNERS = "version = 1\nsigner = ["

POLICIES = (
    _policy("a.toml 100 MB", lambda: bytes(100 * MEBI), megabytes=16),
    _policy("a.toml a long name", lambda: filled("a", ".a", " = 1")),
    _policy("a.toml many long names", lambda: filled(POLICY, _LONG_NAMES, "")),
    _policy("a.toml many numbers", lambda: filled(f"{POLICY}roots = [", "1,", "1]")),
    _policy("a.toml many signers", lambda: filled(_SIGNERS, "{},", "{}]"), megabytes=256),
    _policy("a.toml many good signers", lambda: filled("version = 1\n", SIGNER, "")),
    _policy(
        "a.toml many unknown fields",
        lambda: many_keys(_SIGNERS + "{", '"a" = 0}]\n', " = "),
        megabytes=450,
    ),
    _policy("a.toml brackets", lambda: b"x = " + b"[" * LINE),
    _policy("a.toml tables", lambda: filled(POLICY, _TABLES, "")),
    _policy("a.toml revocations", large.revocations, "READ"),
    _policy("a.yaml revocations", large.revocations_yaml, "READ"),
    _policy("a.yaml billions of aliases", large.bomb),
    _policy("a.yaml brackets", lambda: b"[" * LINE),
    _policy("a.yaml many numbers", lambda: filled("x: [", "1,", "1]"), megabytes=256),
    _policy("a.yaml many anchors", lambda: filled("x: [", "&a 1,", "1]")),
    _policy("a.yaml a long text", lambda: filled('x: "', "\\n", '"')),
    _policy("a.yaml many comments", lambda: b"#a\n" * (LINE // 3)),
    _policy("a.yaml many question marks", lambda: b"? " * (LINE // 2)),
    _root("a.json many logs", lambda: filled('{"tlogs":[', "{},", "{}]}")),
    _root("a.json brackets", lambda: b"[" * LINE),
    _root("a.json many keys", many_keys),
    Case("a.txt 200,000 names", large.names, listing, "LISTED 200000", 256),
)

CASES = {case.name: case for case in (*BUNDLES, *STATEMENTS, *POLICIES)}
