"""Statements: what is not one is refused, and what a signer may say is read as it says it."""

from __future__ import annotations

import base64
import hashlib
import json
from collections.abc import Iterator
from dataclasses import replace
from functools import cache, partial
from random import Random

from fuzz import oracle
from fuzz.bundles import check_findings
from fuzz.evidence import strict
from fuzz.kinds import Kind, Result, need
from fuzz.mutate import byte_level, json_level, statement_level
from fuzz.mutate.json_tree import Node, parse, write
from fuzz.originals import Original, key_signed, signer
from kfp_provenance.attest import PAYLOAD_TYPE
from kfp_provenance.attest.parse import StepStatement, parse_statement
from kfp_provenance.attest.summary import Summary
from kfp_provenance.errors import BundleError
from kfp_provenance.verify import ChainView
from support.forge import joined, lines_of

EQUAL = "genuine: equal facts, by their signer"
OTHER = "genuine: other facts of a chain that holds, by its signer"


def payloads(original: Original) -> list[bytes]:
    """The signed bytes of a bundle."""
    lines = map(json.loads, lines_of(original.material.bundle))
    return [base64.b64decode(line["dsseEnvelope"]["payload"]) for line in lines]


def trees(original: Original) -> list[Node]:
    """What a bundle says."""
    return [parse(payload) for payload in payloads(original)]


# --- the parser alone ------------------------------------------------------------------


def any_statement(random: Random) -> tuple[str, bytes]:
    """Bytes that were a statement."""
    original = random.choice(key_signed())
    found = payloads(original)
    payload, other = random.choice(found), random.choice(found)
    kind = random.random()
    if kind < 0.3:
        return "bytes of a statement", byte_level.mutate(random, payload, other)
    if kind < 0.6:
        return "JSON of a statement", json_level.mutate(random, parse(payload))
    if kind < 0.65:
        node = json_level.any_value(random)
        return "any JSON", write(node)
    return statement_level.mutate(random, parse(payload), trees(original))


def judge_statement(payload: bytes) -> Result:
    """It is refused, or what is read is what stands there."""
    try:
        found = parse_statement(payload, "line 1")
    except BundleError as error:
        need(error.found.isprintable(), "an error can write on a terminal")
        return Result(error.code)
    raw = json.loads(payload.decode("utf-8"), object_pairs_hook=strict)
    need(_read(found) == _stands(raw), "it was read as something else")
    return Result("genuine: read as it stands there", accepted=True)


def _read(found: StepStatement | Summary) -> object:
    if isinstance(found, Summary):
        subjects = [(s.name, s.index, s.artifact.digest.hex, s.producer) for s in found.subjects]
        roots = [(r.step, r.input, r.index, str(r.digest), r.uri) for r in found.roots]
        lines = [(a.step, a.digest.hex) for a in found.attestations]
        return found.verifier, found.result, found.run, found.levels, subjects, roots, lines
    step = found.step
    outputs = [(o.name, o.index, o.artifact.digest.hex, o.artifact.kind) for o in step.outputs]
    inputs = [(i.name, i.index, i.artifact.digest.hex, i.origin, i.producer) for i in step.inputs]
    return found.builder, step.id, step.run, step.task, outputs, inputs


def _stands(raw: oracle.Document) -> object:
    predicate = raw["predicate"]
    if raw["predicateType"].endswith("verification_summary/v1"):
        chain = predicate[oracle.CHAIN]
        subjects = [
            (*oracle._port(s), s["digest"]["sha256"], s["annotations"]["producer"])
            for s in raw["subject"]
        ]
        roots = [(r["step"], r["input"], r["index"], r["digest"], r["uri"]) for r in chain["roots"]]
        lines = [(a["name"], a["digest"]["sha256"]) for a in predicate["inputAttestations"]]
        levels = tuple(predicate["verifiedLevels"])
        result = predicate["verificationResult"]
        return predicate["verifier"]["id"], result, chain["run"], levels, subjects, roots, lines
    steps = oracle.Steps([raw])
    outputs = [(*port[1:], *content) for port, content in steps.outputs.items()]
    inputs = [
        (*port[1:], given["digest"]["sha256"], given["annotations"]["origin"],
         given["annotations"].get("producer", ""))
        for port, given in steps.inputs()
    ]  # fmt: skip
    definition = predicate["buildDefinition"]
    run, task = definition["internalParameters"]["run"], definition["externalParameters"]["task"]
    builder = predicate["runDetails"]["builder"]["id"]
    return builder, oracle.identity(raw), run, task, outputs, inputs


# --- signed by whom the verifier trusts ------------------------------------------------


def _sign(payload: bytes, original: Original, last: bool) -> bytes:
    tasks = original.name == "two-signers" and not last
    return signer("tasks" if tasks else "trusted").sign(payload, PAYLOAD_TYPE)


def _relisted(payload: bytes, lines: list[bytes]) -> bytes:
    """The summary over these lines, if it can still be read."""
    try:
        value = json.loads(payload)
        named = value["predicate"]["inputAttestations"]
        for reference, line in zip(named, lines, strict=False):
            reference["digest"]["sha256"] = hashlib.sha256(line).hexdigest()
    except (ValueError, LookupError, TypeError, AttributeError, RecursionError):
        return payload
    return json.dumps(value, separators=(",", ":")).encode()


def signed_statement(original: Original, random: Random) -> tuple[str, bytes]:
    """A bundle in which a trusted signer says something else in one or two statements."""
    lines, said, others = lines_of(original.material.bundle), payloads(original), trees(original)
    level = ""
    for at in sorted(random.sample(range(len(lines)), random.choice((1, 1, 1, 2)))):
        before = said[at]
        while said[at] == before:
            level, said[at] = statement_level.mutate(random, parse(before), others)
        lines[at] = _sign(said[at], original, at == len(lines) - 1)
    if random.random() < 0.9:
        lines[-1] = _sign(_relisted(said[-1], lines[:-1]), original, last=True)
    return level, joined(lines)


def judge_signed(original: Original, bundle: bytes) -> Result:
    """It passes only if a second judge finds nothing against the chain either."""
    result = original.verify(bundle)
    check_findings(result.verdict)
    if not result.verdict.passed:
        return Result(result.verdict.findings[0].code)
    view, before = result.view, _good_view(original.name)
    need(view is not None and before is not None, "a verdict without a view")
    wanted = original.subject.digest.hex, str(original.subject.kind)
    against = oracle.objections(bundle, wanted, original.now)
    need(not against, f"accepted, although {against}")
    return Result(EQUAL if _facts(view) == _facts(before) else OTHER, accepted=True)


@cache
def _good_view(name: str) -> ChainView | None:
    (original,) = (one for one in key_signed() if one.name == name)
    return original.verify(original.material.bundle).view


def _facts(view: ChainView | None) -> object:
    """All that was read, but for the digests of the lines."""
    return view and (view.steps, replace(view.summary, attestations=()))


def kinds() -> Iterator[Kind]:
    """The parser, and three of the originals."""
    yield Kind("statement", 14.0, payloads(key_signed()[0])[0], any_statement, judge_statement)
    for original in key_signed():
        if original.name != "linear":
            yield Kind(
                f"signed/{original.name}",
                6.0,
                original.material.bundle,
                partial(signed_statement, original),
                partial(judge_signed, original),
            )
