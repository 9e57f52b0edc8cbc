"""A second judge of a signed chain, written from docs/reference/bundle.md alone.

It shares no code with the package, takes what a passed bundle says and asks again whether
the chain holds. Signatures are judged elsewhere.
"""

from __future__ import annotations

import base64
import hashlib
import json
from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import Any

from fuzz.evidence import strict

Document = dict[str, Any]
Content = tuple[str, str]
"""SHA-256 in hex, and kind."""
Port = tuple[str, str, int]
"""Id of a step, name of an output or an input of it, position."""

CHAIN = "https://kfp-provenance.dev/chain/v1"
_BUILDERS = "https://kfp-provenance.dev/builders/"
_STATED_BY = {"in-run/v1": "in-run/v1", "operator/v1": "operator/v1", "collector/v1": "step/v1"}
_SKEW = timedelta(minutes=5)


def statements(bundle: bytes) -> tuple[list[bytes], list[Document]]:
    """Lines and what they say."""
    lines = bundle.removesuffix(b"\n").split(b"\n")
    envelopes = [json.loads(line)["dsseEnvelope"] for line in lines]
    payloads = [base64.b64decode(envelope["payload"]) for envelope in envelopes]
    return lines, [json.loads(payload, object_pairs_hook=strict) for payload in payloads]


class Steps:
    """The steps of a bundle by their ids."""

    def __init__(self, steps: list[Document]) -> None:
        self.all = {identity(step): step for step in steps}
        self.outputs: dict[Port, Content] = {}
        for step in steps:
            for subject in step["subject"]:
                self.outputs[(identity(step), *_port(subject))] = _content(subject)

    def inputs(self) -> Iterator[tuple[Port, Document]]:
        """Every artifact that a step read."""
        for name, step in self.all.items():
            for found in step["predicate"]["buildDefinition"].get("resolvedDependencies", []):
                if found["annotations"]["role"] == "input":
                    yield (name, *_port(found)), found

    def run(self, step: str) -> str:
        """Id of the run of a step."""
        return str(_internal(self.all[step])["run"])


def identity(step: Document) -> str:
    return str(step["predicate"]["runDetails"]["metadata"]["invocationId"])


def _internal(step: Document) -> Document:
    return dict(step["predicate"]["buildDefinition"]["internalParameters"])


def _external(step: Document) -> Document:
    return dict(step["predicate"]["buildDefinition"]["externalParameters"])


def _port(descriptor: Document) -> tuple[str, int]:
    name, index = str(descriptor["name"]), int(descriptor["annotations"]["index"])
    return (name.removesuffix(f"[{index}]") if index else name), index


def _content(descriptor: Document) -> Content:
    return descriptor["digest"]["sha256"], descriptor["annotations"]["kind"]


def _time(text: str) -> datetime:
    return datetime.fromisoformat(text)


def objections(bundle: bytes, wanted: Content, now: datetime) -> list[str]:
    """Why the chain of a bundle does not hold; empty if it does."""
    lines, every = statements(bundle)
    *stated, summary = every
    steps = Steps(stated)
    predicate = summary["predicate"]
    found = [
        *_of_lines(lines, stated, predicate),
        *_of_subjects(summary, steps, wanted),
        *_of_inputs(predicate[CHAIN], steps),
        *_of_order(summary, steps, predicate[CHAIN]),
        *_of_runs(stated, predicate[CHAIN]),
        *_of_times(stated, predicate, now),
    ]
    return list(found)


def _of_lines(lines: list[bytes], stated: list[Document], predicate: Document) -> Iterator[str]:
    named = [(a["name"], a["digest"]["sha256"]) for a in predicate["inputAttestations"]]
    there = [identity(step) for step in stated]
    if named != [(n, hashlib.sha256(b).hexdigest()) for n, b in zip(there, lines, strict=False)]:
        yield "the summary is over other lines"
    if len(set(there)) != len(there):
        yield "a step occurs twice"
    if predicate["verificationResult"] != "PASSED":
        yield "it did not pass"
    if predicate["verifiedLevels"] != ["SLSA_BUILD_LEVEL_1"]:
        yield "it claims another level"
    verifier = predicate["verifier"]["id"].removeprefix(_BUILDERS)
    for step in stated:
        builder = step["predicate"]["runDetails"]["builder"]["id"].removeprefix(_BUILDERS)
        if builder != _STATED_BY.get(verifier):
            yield "modes are mixed"


def _of_subjects(summary: Document, steps: Steps, wanted: Content) -> Iterator[str]:
    if _content(summary["subject"][0]) != wanted:
        yield "it is about something else"
    names = [_port(subject) for subject in summary["subject"]]
    if len(set(names)) != len(names):
        yield "two subjects have one name"
    for subject in summary["subject"]:
        about = subject["annotations"]
        port = about["producer"], about["output"], int(about["outputIndex"])
        if steps.outputs.get(port) != _content(subject):
            yield f"nobody made the subject {port}"


def _of_inputs(chain: Document, steps: Steps) -> Iterator[str]:
    joins = {(j["step"], j["input"], j["index"]): j for j in chain["joins"]}
    roots = {(r["step"], r["input"], r["index"], r["declaredBy"]): r for r in chain["roots"]}
    if len(joins) != len(chain["joins"]) or len(roots) != len(chain["roots"]):
        yield "the summary names an input twice"
    for port, given in steps.inputs():
        link = _link(port, given, joins)
        if link is None:
            by = "step" if given["annotations"]["origin"] == "source" else "signer"
            root = roots.pop((*port, by), None)
            if root is None or (root["digest"], root["uri"]) != _location(given):
                yield f"{port} comes from nowhere"
        elif steps.outputs.get(link) != _content(given):
            yield f"{port} is not what {link} is"
        elif given["annotations"]["origin"] != "step" and steps.run(link[0]) != steps.run(port[0]):
            yield f"{port} was joined to another run"
    if joins or roots:
        yield "the summary names inputs that no step has"


def _link(port: Port, given: Document, joins: dict[Port, Document]) -> Port | None:
    about = given["annotations"]
    if about["origin"] == "step":
        return about["producer"], about["output"], int(about.get("outputIndex", "0"))
    join = joins.pop(port, None) if about["origin"] == "imported" else None
    return (join["producer"], join["output"], join["outputIndex"]) if join else None


def _location(given: Document) -> tuple[str, str]:
    return "sha256:" + given["digest"]["sha256"], given.get("uri", "")


def _of_order(summary: Document, steps: Steps, chain: Document) -> Iterator[str]:
    joins = {(j["step"], j["input"], j["index"]): j for j in chain["joins"]}
    above: dict[str, set[str]] = {step: set() for step in steps.all}
    for port, given in steps.inputs():
        link = _link(port, given, joins)
        if link is not None:
            above[port[0]].add(link[0])
    seen: set[str] = set()
    todo = [subject["annotations"]["producer"] for subject in summary["subject"]]
    while todo:
        step = todo.pop()
        if step not in seen:
            seen.add(step)
            todo += above.get(step, set())
    if seen != set(steps.all):
        yield "a step is of no consequence, or missing"
    left = dict(above)
    while left:
        first = [step for step, needs in left.items() if not needs & left.keys()]
        if not first:
            yield "a step is upstream of itself"
            return
        for step in first:
            del left[step]


def _of_runs(stated: list[Document], chain: Document) -> Iterator[str]:
    runs = {_internal(step)["run"] for step in stated}
    reused = chain["reusedRuns"]
    if runs - {chain["run"], *reused} or set(reused) - runs or chain["run"] in reused:
        yield "the runs are others than the summary names"
    for run in runs:
        pipelines = {
            (_external(s)["pipeline"]["name"], _external(s)["pipeline"].get("digest", ""),
             _internal(s).get("namespace", ""))
            for s in stated if _internal(s)["run"] == run
        }  # fmt: skip
        if len(pipelines) != 1:
            yield f"{run} is of several pipelines"
        named = chain["pipeline"]["name"], chain["pipeline"].get("digest", "")
        if run == chain["run"] and {pipeline[:2] for pipeline in pipelines} != {named}:
            yield "the summary names another pipeline"


def _of_times(stated: list[Document], predicate: Document, now: datetime) -> Iterator[str]:
    signed = _time(predicate["timeVerified"])
    if signed - now > _SKEW:
        yield "it is from the future"
    for step in stated:
        about = step["predicate"]["runDetails"]["metadata"]
        began, ended = _time(about["startedOn"]), _time(about["finishedOn"])
        if began > ended or ended - signed > _SKEW:
            yield f"the times of {identity(step)} cannot be"
