"""The signed chain against the metadata store and the stored bytes.

The bundle is the evidence. What differs is named, wherever the change was made.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from kfp_provenance.attest.identifiers import COLLECTOR_BUILDER
from kfp_provenance.attest.statement import timestamp
from kfp_provenance.attest.values import same_parameter
from kfp_provenance.codes import Code
from kfp_provenance.errors import StoreError
from kfp_provenance.facts import Artifact, Digest, Finding, Input, Output, Parameter, Step, Verdict
from kfp_provenance.lineage.checks import artifact_label, step_label
from kfp_provenance.lineage.stored import HashUri, rehash_stored
from kfp_provenance.verify.authentic import printable_finding
from kfp_provenance.verify.view import ChainView

if TYPE_CHECKING:
    from kfp_provenance.metadata.interface import Reader

_Difference = tuple[str, str, str]
"""Name of the field, signed value, value in the store."""


def compare_with_store(view: ChainView, reader: Reader) -> Verdict:
    """Compare every signed step with its record.

    Returns:
        STORE_STEP_MISSING and STORE_STEP_DIFFERS, which names the field.

    Raises:
        StoreError: If the store cannot be read.
    """
    findings = []
    collected = _collected(view)
    for step in view.steps.values():
        stored = reader.step(step.id)
        findings += compare_step(step, stored)
        if stored is not None:
            own = _attestation_differences(collected.get(step.id), step, reader)
            findings += [_differs(step, difference) for difference in own]
    return Verdict(tuple(map(printable_finding, findings or _unlisted(view, reader))))


def compare_step(signed: Step, stored: Step | None) -> list[Finding]:
    """What the record of a signed step says otherwise.

    Args:
        signed: As a signer stated it.
        stored: Its record; None if there is none.

    Returns:
        STORE_STEP_MISSING, or STORE_STEP_DIFFERS for each field.
    """
    if stored is None:
        return [_missing(signed, "the store has no record of a signed step", signed.id)]
    return [_differs(signed, difference) for difference in differences(signed, stored)]


def _differs(step: Step, difference: _Difference) -> Finding:
    field, signed, found = difference
    return Finding(
        Code.STORE_STEP_DIFFERS,
        f"the store says something else than what was signed: {field}",
        step=step_label(step),
        artifact=field,
        expected=signed,
        found=found,
        remedy="the record was changed after signing: trust the bundle, mend the store",
    )


def _missing(step: Step, message: str, expected: str) -> Finding:
    return Finding(
        Code.STORE_STEP_MISSING,
        message,
        step=step_label(step),
        expected=expected,
        found="no such step",
        remedy="the record was removed, or this is another store",
    )


def _collected(view: ChainView) -> dict[str, Digest]:
    """Lines that tasks signed themselves, by step; none where the signing step stated them."""
    if view.summary.verifier != COLLECTOR_BUILDER:
        return {}
    return {reference.step: reference.digest for reference in view.summary.attestations}


def _attestation_differences(
    signed: Digest | None, step: Step, reader: Reader
) -> Iterator[_Difference]:
    """What a task signed itself is still what was collected."""
    if signed is None:
        return
    line = reader.attestation(step.id)
    found = None if line is None else Digest.of(line)
    if found != signed:
        yield "attestation", str(signed), str(found or "nothing")


def _unlisted(view: ChainView, reader: Reader) -> list[Finding]:
    """Steps whose record is whole, but not among those of their run."""
    listed: set[str] = set()
    for run in dict.fromkeys(step.run for step in view.steps.values()):
        try:
            listed.update(step.id for step in reader.run(run).steps)
        except StoreError as error:
            if error.code is not Code.RUN_NOT_FOUND:
                raise
    return [
        _missing(step, "the store does not list a signed step in its run", f"a step of {step.run}")
        for step in view.steps.values()
        if step.id not in listed
    ]


def compare_stored_bytes(view: ChainView, hash_uri: HashUri) -> Verdict:
    """Hash what is stored now and compare it with what was signed.

    Args:
        view: The verified chain.
        hash_uri: Hashes what is stored at a URI.

    Returns:
        STORED_BYTES_CHANGED as findings; STORED_BYTES_UNREAD as notes.
    """
    rehash = rehash_stored(view.artifacts(), hash_uri)
    return Verdict(
        tuple(map(printable_finding, rehash.findings)),
        tuple(map(printable_finding, rehash.unread())),
    )


def differences(signed: Step, stored: Step) -> Iterator[_Difference]:
    """Fields in which a stored step is not the one that was signed."""
    found = _scalars(stored)
    for name, value in _scalars(signed).items():
        if value != found[name]:
            yield name, value, found[name]
    yield from _parameter_differences("parameters", signed.parameters, stored.parameters)
    yield from _parameter_differences("results", signed.results, stored.results)
    yield from _keyed_differences(_inputs(signed), _inputs(stored))
    yield from _keyed_differences(_outputs(signed), _outputs(stored))


def _scalars(step: Step) -> dict[str, str]:
    code = step.code
    return {
        "id": step.id,
        "run": step.run,
        "task": step.task,
        "pipeline": step.pipeline,
        "pipeline_digest": step.pipeline_digest,
        "namespace": step.namespace,
        "attempt": str(step.attempt),
        "component.name": step.component.name,
        "component.version": step.component.version,
        "component.source_digest": str(step.component.source_digest),
        "component.image": step.component.image,
        "code": f"{code.commit} dirty={code.dirty} {code.repository}" if code else "",
        "environment": str(step.environment),
        "started": timestamp(step.started),
        "finished": timestamp(step.finished),
        "outcome": str(step.outcome),
        "runtime_version": step.runtime_version,
    }


def _parameter_differences(
    kind: str, signed: tuple[Parameter, ...], stored: tuple[Parameter, ...]
) -> Iterator[_Difference]:
    ours = {parameter.name: parameter for parameter in signed}
    theirs = {parameter.name: parameter for parameter in stored}
    for name in sorted(ours.keys() | theirs.keys()):
        one, other = ours.get(name), theirs.get(name)
        if one is None or other is None or not same_parameter(one, other):
            yield f"{kind}.{name}", _parameter_text(one), _parameter_text(other)


def _parameter_text(parameter: Parameter | None) -> str:
    if parameter is None:
        return "nothing"
    return parameter.keyed_digest or parameter.value


_Described = dict[str, dict[str, str]]


def _keyed_differences(signed: _Described, stored: _Described) -> Iterator[_Difference]:
    for label in sorted(signed.keys() | stored.keys()):
        one, other = signed.get(label), stored.get(label)
        if one is None or other is None:
            yield label, "present" if one else "nothing", "present" if other else "nothing"
            continue
        for name, value in one.items():
            if value != other[name]:
                yield f"{label}.{name}", value, other[name]


def _inputs(step: Step) -> _Described:
    return {_input_label(given): _input(given) for given in step.inputs}


def _input_label(given: Input) -> str:
    kind = "sources" if given.origin == "source" else "inputs"
    return f"{kind}.{artifact_label(given.name, given.index)}"


def _input(given: Input) -> dict[str, str]:
    return {
        **_artifact(given.artifact),
        "origin": str(given.origin),
        "producer": given.producer,
        "output": artifact_label(given.output, given.output_index),
    }


def _outputs(step: Step) -> _Described:
    return {f"outputs.{artifact_label(o.name, o.index)}": _output(o) for o in step.outputs}


def _output(output: Output) -> dict[str, str]:
    return {**_artifact(output.artifact), "metadata": output.artifact.metadata}


def _artifact(artifact: Artifact) -> dict[str, str]:
    return {
        "digest": str(artifact.digest),
        "uri": artifact.uri,
        "kind": str(artifact.kind),
        "size": str(artifact.size),
        "type": artifact.type,
        "version": artifact.version,
    }
