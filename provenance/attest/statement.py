"""One SLSA provenance v1 statement per step, as specified in docs/reference/kfp-step-v1.md."""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime

import rfc8785

from kfp_provenance.attest.identifiers import (
    BUILD_TYPE,
    IN_RUN_BUILDER,
    MAX_INPUTS,
    MAX_SUBJECTS,
    PROVENANCE_TYPE,
    STATEMENT_TYPE,
    VERSION_KEY,
)
from kfp_provenance.attest.strict_json import JsonValue
from kfp_provenance.attest.values import encode_parameter
from kfp_provenance.codes import Code
from kfp_provenance.errors import ChainError
from kfp_provenance.facts import (
    Artifact,
    ArtifactKind,
    CodeState,
    Digest,
    Environment,
    Input,
    InputOrigin,
    Outcome,
    Output,
    Parameter,
    Step,
)
from kfp_provenance.lineage.checks import artifact_label, step_label
from kfp_provenance.lineage.model import Chain
from kfp_provenance.version import distribution_version

JsonObject = dict[str, JsonValue]


def make_statements(
    chain: Chain, environments: Mapping[Digest, Environment], builder: str = IN_RUN_BUILDER
) -> list[bytes]:
    """Statements of all steps, in the order of the chain.

    Args:
        chain: What :func:`~kfp_provenance.lineage.collect_chain` returned.
        environments: Python environments by digest, as far as the store has them.
        builder: ``builder.id``: who states it.

    Raises:
        ChainError: If a step cannot be stated (failed, without outputs, too many).
    """
    return [
        make_statement(step, environments.get(step.environment), builder) for step in chain.steps
    ]


def make_statement(
    step: Step, environment: Environment | None = None, builder: str = IN_RUN_BUILDER
) -> bytes:
    """The statement of one step: canonical JSON, ready to be signed.

    Args:
        step: A step that succeeded and has outputs.
        environment: Its Python environment, if known; only its name is stated.
        builder: ``builder.id``: who states it.

    Raises:
        ChainError: CHAIN_STEP_FAILED, BUNDLE_TOO_LARGE or STATEMENT_MALFORMED.
    """
    _check_statable(step)
    predicate: JsonObject = {
        "buildDefinition": {
            "buildType": BUILD_TYPE,
            "externalParameters": _external(step),
            "internalParameters": _internal(step, environment),
            "resolvedDependencies": [*map(_input, step.inputs), *_code(step.code)],
        },
        "runDetails": {
            "builder": {"id": builder, "version": {VERSION_KEY: distribution_version()}},
            "metadata": {
                "invocationId": step.id,
                "startedOn": timestamp(step.started),
                "finishedOn": timestamp(step.finished),
            },
            "byproducts": [
                {"name": "environment", "digest": {"sha256": step.environment.hex}},
                *_values(step.outputs),
            ],
        },
    }
    return canonical(
        {
            "_type": STATEMENT_TYPE,
            "subject": [_output(output) for output in step.outputs],
            "predicateType": PROVENANCE_TYPE,
            "predicate": predicate,
        },
        step_label(step),
    )


def canonical(statement: JsonObject, where: str) -> bytes:
    """RFC 8785.

    Raises:
        ChainError: STATEMENT_MALFORMED if a text is not Unicode.
    """
    try:
        return rfc8785.dumps(statement)
    except rfc8785.CanonicalizationError as error:
        raise ChainError(
            Code.STATEMENT_MALFORMED,
            "the record cannot be written as canonical JSON",
            where=where,
            found=str(error),
            remedy="keep text that is not Unicode out of names, URIs and parameters",
        ) from error


def timestamp(moment: datetime) -> str:
    """RFC 3339 in UTC, microseconds kept."""
    return moment.astimezone(UTC).isoformat().replace("+00:00", "Z")


def described(artifact: Artifact, **more: str) -> JsonObject:
    """Annotations of an artifact; empty ones are left out."""
    annotations = {
        "kind": str(artifact.kind),
        "size": str(artifact.size),
        "type": artifact.type,
        "version": artifact.version,
        **more,
    }
    return {key: value for key, value in annotations.items() if value}


def located(name: str, artifact: Artifact, annotations: JsonObject) -> JsonObject:
    """An artifact as a resource descriptor of in-toto."""
    descriptor: JsonObject = {"name": name, "digest": {"sha256": artifact.digest.hex}}
    if artifact.uri:
        descriptor["uri"] = artifact.uri
    return {**descriptor, "annotations": annotations}


def _check_statable(step: Step) -> None:
    problem = None
    if step.outcome is not Outcome.SUCCEEDED or not step.outputs:
        problem = Code.CHAIN_STEP_FAILED, "only a step that succeeded and has outputs is stated"
    elif len(step.outputs) > MAX_SUBJECTS or len(step.inputs) > MAX_INPUTS:
        problem = Code.BUNDLE_TOO_LARGE, "a step has more artifacts than a statement holds"
    if problem:
        raise ChainError(
            *problem,
            where=step_label(step),
            expected=f"1 to {MAX_SUBJECTS} outputs, at most {MAX_INPUTS} inputs, SUCCEEDED",
            found=f"{len(step.outputs)} outputs, {len(step.inputs)} inputs, {step.outcome}",
            remedy="put many small artifacts into one directory",
        )


def _output(output: Output) -> JsonObject:
    artifact = output.artifact
    # the content of a values artifact is a by-product, with its own digest
    metadata = "" if artifact.kind is ArtifactKind.VALUES else artifact.metadata
    annotations = described(artifact, index=str(output.index), metadata=metadata)
    return located(artifact_label(output.name, output.index), artifact, annotations)


def _input(given: Input) -> JsonObject:
    annotations = described(
        given.artifact, role="input", origin=str(given.origin), index=str(given.index)
    )
    if given.origin is InputOrigin.STEP:
        annotations |= {
            "producer": given.producer,
            "output": given.output,
            "outputIndex": str(given.output_index),
        }
    return located(artifact_label(given.name, given.index), given.artifact, annotations)


def _code(code: CodeState | None) -> list[JsonValue]:
    if code is None:
        return []
    descriptor: JsonObject = {
        "name": "code",
        "digest": {"gitCommit": code.commit},
        "annotations": {"role": "code", "dirty": "true" if code.dirty else "false"},
    }
    if code.repository:
        descriptor["uri"] = f"git+{code.repository}"
    return [descriptor]


def _values(outputs: Sequence[Output]) -> list[JsonValue]:
    """Metrics and the like: their whole content, so that the evidence holds it."""
    return [
        {
            "name": artifact_label(output.name, output.index),
            "digest": {"sha256": output.artifact.digest.hex},
            "mediaType": "application/json",
            "content": base64.b64encode(output.artifact.metadata.encode()).decode("ascii"),
        }
        for output in outputs
        if output.artifact.kind is ArtifactKind.VALUES
        and hashlib.sha256(output.artifact.metadata.encode()).hexdigest()
        == output.artifact.digest.hex
    ]


def _external(step: Step) -> JsonObject:
    return {
        "pipeline": {"name": step.pipeline, **_filled(digest=step.pipeline_digest)},
        "component": {"name": step.component.name, **_filled(version=step.component.version)},
        "task": step.task,
        "parameters": _parameters(step.parameters),
    }


def _internal(step: Step, environment: Environment | None) -> JsonObject:
    return {
        "run": step.run,
        **_filled(namespace=step.namespace, image=step.component.image),
        "attempt": step.attempt,
        "sourceDigest": str(step.component.source_digest),
        "environment": _filled(
            digest=str(step.environment), python=environment.python if environment else ""
        ),
        "results": _parameters(step.results),
        "runtimeVersion": step.runtime_version,
    }


def _parameters(parameters: Sequence[Parameter]) -> JsonObject:
    return {parameter.name: encode_parameter(parameter) for parameter in parameters}


def _filled(**texts: str) -> JsonObject:
    return {key: value for key, value in texts.items() if value}
