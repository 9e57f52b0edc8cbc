"""Trust policies and files of revocations: refused, or believed exactly as they say."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from functools import cache, partial
from random import Random
from zlib import crc32

from fuzz.bundles import check_findings
from fuzz.kinds import Kind, Result, need
from fuzz.mutate import json_level, text_level
from fuzz.mutate.json_tree import write
from fuzz.originals import Original, key_signed, keyless
from fuzz.policy_texts import (
    Document,
    as_toml,
    as_tree,
    as_yaml,
    hint_of,
    plain,
    policy,
    read_file,
    read_rest,
    read_signer,
    revocations_toml,
    revocations_yaml,
    revoked,
    stated_rest,
    stated_signer,
)
from kfp_provenance.attest import IN_RUN_BUILDER
from kfp_provenance.errors import TrustError
from kfp_provenance.verify import Trust, parse_trust, verify_bundle
from support.chains import digest

_STEPS = {"ingest", "preprocess", "train", "evaluate"}
LONELY = 'version = 1\nrevocations = "{}"\n[[signer]]\nkey = "signer.pub"\nbuilders = ["{}"]\n'
"""A policy for a file of revocations."""


@cache
def originals() -> dict[str, bytes]:
    """The texts that are mutated, by their names."""
    return {
        "policy.toml": as_toml(policy()).encode(),
        "policy.yaml": as_yaml({**policy(), "revocations": "revoked.yaml"}).encode(),
        "revoked.toml": revocations_toml(),
        "revoked.yaml": revocations_yaml(),
    }


def _document(name: str) -> Document:
    return policy() if name.startswith("policy") else {"version": 1, **revoked()}


def mutant(name: str, random: Random) -> tuple[str, bytes]:
    """Another text, as a person or a program might have written it."""
    while True:
        if random.random() < 0.6:
            level, text = "text", text_level.mutate(random, originals()[name])
        else:
            tree = as_tree(_document(name))
            json_level.change_tree(random, tree)
            level = "tree"
            text = write(tree) if name.endswith("yaml") else text_level.toml(tree)
        if text != originals()[name]:
            return level, text


def judge(name: str, text: bytes) -> Result:
    """Read it, compare with what a plain reader reads, and judge good bundles by it."""
    more: Mapping[str, bytes] = {}
    document, where = text, name
    if name.startswith("revoked"):
        more = {name: text}
        document, where = LONELY.format(name, IN_RUN_BUILDER).encode(), "policy.toml"
    try:
        trust = parse_trust(document, partial(read_file, more=more), where=where)
    except TrustError as error:
        need(error.found.isprintable() and error.remedy, "an error says nothing, or too much")
        return Result(error.code)
    check_trust(trust)
    said = plain(document, where)
    check_said(trust, said, more)
    check_use(trust, said)
    return Result("genuine: a policy that says what was read", accepted=True)


def check_trust(trust: Trust) -> None:
    """It never says "any"."""
    need(trust.signers, "nobody is trusted, which a policy cannot say")
    for signer in trust.signers:
        need(signer.builders, "a signer without builders")
        need((signer.key is None) != (signer.identity is None), "a signer that is nobody")
        named = [
            signer.label,
            *signer.builders,
            *(signer.pipelines or ()),
            *(signer.namespaces or ()),
        ]
        need(not any("*" in name for name in named), f"a pattern: {named}")
        need(signer.identity is None or trust.sigstore is not None, "an identity without a root")
        need(signer.pipelines != frozenset() and signer.namespaces != frozenset(), "an empty limit")


def check_said(trust: Trust, said: Document, more: Mapping[str, bytes]) -> None:
    """All that was read stands in the text, and no limit that stands there was lost."""
    stated = [stated_signer(signer, more) for signer in said["signer"]]
    found = [read_signer(signer) for signer in trust.signers]
    need(found == stated, f"signers: {found} of {stated}")
    lists = [said["revoked"]] if "revoked" in said else []
    if "revocations" in said:
        name = said["revocations"]
        lists.append(plain(read_file(name, more), name))
    need(read_rest(trust) == stated_rest(said, lists), "roots, requirements or revocations")


def check_use(trust: Trust, said: Document) -> None:
    """Good bundles are judged by it without an accident, and pass only if it grants that."""
    by_key, by_identity = key_signed()[0], keyless()[0]
    for original in (by_key, by_identity):
        if original is by_identity and crc32(str(said).encode()) % 8:
            continue  # takes longer
        subject, now = original.subject, original.now
        result = verify_bundle(original.material.bundle, trust, subject, now=now)
        check_findings(result.verdict)
        need(
            not result.verdict.passed or _grants(original, said, original is by_key),
            f"{original.name} passes, which the text does not grant",
        )


def _grants(original: Original, said: Document, key: bool) -> bool:
    """Some signer of the text may sign the bundle, by the text alone."""
    hint = hint_of(read_file("signer.pub"))
    for signer in said["signer"]:
        who = stated_signer(signer, {})
        if (
            not isinstance(who, tuple)
            or (key and who[0] != (hint, ""))
            or (not key and not who[0][1])
        ):
            continue
        granted = (
            IN_RUN_BUILDER in signer["builders"]
            and "tabular-training" in signer.get("pipelines", ["tabular-training"])
            and "team-a" in signer.get("namespaces", ["team-a"])
            and str(digest(b"raw")) in said.get("roots", [str(digest(b"raw"))])
            and said.get("require", {}).get("level", 1) == 1
            and set(said.get("require", {}).get("steps", [])) <= _STEPS
        )  # fmt: skip
        if granted:
            return True
    return False


def kinds() -> Iterator[Kind]:
    """Two languages, two files."""
    shares = {"policy.toml": 5.0, "policy.yaml": 4.0, "revoked.toml": 1.5, "revoked.yaml": 1.5}
    for name, share in shares.items():
        original = originals()[name]
        yield Kind(name, share, original, partial(mutant, name), partial(judge, name))
