"""Attacks on keyless evidence: identities, certificates, logs and roots of trust."""

from __future__ import annotations

from collections.abc import Iterator

from kfp_provenance.codes import Code
from support.drill.keyless_edits import (
    as_a_key,
    believing,
    ended,
    entry_of_another,
    foreign,
    in_other_form,
    key_instead,
    on_entry,
    on_line,
    other_payload,
    revoked,
    root_with_a_key_twice,
    self_signed,
    twice,
    under,
    with_root,
    without_root,
)
from support.drill.model import Act, Adversary, Attack, Codes, Ground, Place, trials
from support.drill.rewrites import strip

_UNTRUSTED, _INVALID = Code.SIGNER_UNTRUSTED, Code.CERTIFICATE_INVALID

NAMES: tuple[tuple[str, Act, Codes], ...] = (
    (
        "the wrong identity of the right issuer",
        believing(lambda i: i.replace("/signer", "/trainer")),
        _UNTRUSTED,
    ),
    (
        "the right identity of the wrong issuer",
        believing(issuer=lambda _: "https://issuer.example"),
        _UNTRUSTED,
    ),
    (
        "an identity that begins with the trusted one",
        believing(lambda i: i.removesuffix("r")),
        _UNTRUSTED,
    ),
    ("an identity that the trusted one begins with", believing(lambda i: i + "-2"), _UNTRUSTED),
    (
        "an identity in another namespace",
        believing(lambda i: i.replace("/team-a/", "/team-b/")),
        _UNTRUSTED,
    ),
    (
        "an identity in another case",
        believing(lambda i: i.replace("team-a", "Team-A")),
        _UNTRUSTED,
    ),
    ("an issuer with a slash at its end", believing(issuer=lambda i: i + "/"), _UNTRUSTED),
    ("a keyless bundle under a key", key_instead, _UNTRUSTED),
    ("a line without its certificate", as_a_key, _UNTRUSTED),
    ("a revoked identity", under(revoked()), Code.SIGNER_REVOKED),
    (
        "an identity that was revoked before it signed",
        under(revoked(", since = 2026-01-01T00:00:00Z")),
        Code.SIGNER_REVOKED,
    ),
    (
        "an identity after its time",
        under(signer="not_after = 2026-01-01T00:00:00Z"),
        Code.SIGNER_EXPIRED,
    ),
)

EVIDENCE: tuple[tuple[str, Act], ...] = (
    ("a foreign root of trust", with_root(foreign)),
    (
        "an authority that was retired before the signature",
        with_root(ended("certificateAuthorities")),
    ),
    ("a certificate log that was retired before the signature", with_root(ended("ctlogs"))),
    ("a signature log that was retired before the signature", with_root(ended("tlogs"))),
    ("a root without the log of certificates", with_root(lambda d: d["ctlogs"].clear())),
    ("a self-signed certificate of the trusted name", self_signed(logged=True)),
    (
        "an expired certificate without a log entry",
        on_line(lambda v: v["verificationMaterial"].pop("tlogEntries")),
    ),
    ("a self-signed certificate without a log entry", self_signed(logged=False)),
    ("the log entry of another line", entry_of_another),
    ("the time of a log entry set back", on_entry(lambda e: e.update(integratedTime="1700000000"))),
    ("a log entry without promise", on_entry(lambda e: e.pop("inclusionPromise"))),
    (
        "a log entry at another place of the log",
        on_entry(lambda e: e["inclusionProof"].update(logIndex="1")),
    ),
    (
        "a proof with another root hash",
        on_entry(lambda e: e["inclusionProof"].update(rootHash="A" * 43 + "=")),
    ),
    (
        "a checkpoint of nobody",
        on_entry(lambda e: e["inclusionProof"]["checkpoint"].update(envelope="x")),
    ),
    ("two log entries on one line", on_line(twice)),
    ("a keyless statement changed", on_line(other_payload, 0)),
    ("a keyless signature as (r, n - s)", on_line(in_other_form)),
)

NO_ROOT: tuple[tuple[str, Act], ...] = (
    ("an identity without any root of trust", without_root),
    ("a root without the log of signatures", with_root(lambda d: d["tlogs"].clear())),
    ("a root without the authority", with_root(lambda d: d["certificateAuthorities"].clear())),
    ("a root with a key twice", root_with_a_key_twice),
    ("a root that is another document", with_root(dict.clear)),
)


def attacks() -> Iterator[Attack]:
    """Names, then what stands behind them."""
    found: list[tuple[str, Act, Codes]] = [*NAMES]
    found += [(name, act, _INVALID) for name, act in EVIDENCE]
    found.append(("a keyless signature stripped", on_line(strip), Code.SIGNATURE_MISSING))
    no_proof = on_entry(lambda e: e.pop("inclusionProof"))
    found.append(("a log entry without proof", no_proof, Code.BUNDLE_MALFORMED))
    for name, act, codes in found:
        places = trials(Ground.KEYLESS, act, {Place.VERIFY: codes})
        yield Attack(name, Adversary.IDENTITIES, places)
    why = "the root of trust cannot be used, so nothing was judged"
    for name, act in NO_ROOT:
        places = trials(Ground.KEYLESS, act, {Place.VERIFY: Code.TRUST_INVALID}, why)
        yield Attack(name, Adversary.IDENTITIES, places)
