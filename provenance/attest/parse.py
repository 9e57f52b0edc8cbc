"""Statements back into facts. Give it verified bytes only."""

from __future__ import annotations

import base64
import binascii
import hashlib
from dataclasses import dataclass
from datetime import datetime
from typing import TypeVar

from pydantic import BaseModel, ValidationError

from kfp_provenance.attest import models
from kfp_provenance.attest.identifiers import (
    BUILD_TYPE,
    PROVENANCE_TYPE,
    SUMMARY_TYPE,
    VERSION_KEY,
)
from kfp_provenance.attest.printable import printable
from kfp_provenance.attest.strict_json import JsonValue, StrictJsonError, loads
from kfp_provenance.attest.summary import AttestationReference, Summary
from kfp_provenance.attest.values import decode_parameter
from kfp_provenance.codes import Code
from kfp_provenance.errors import BundleError, ProvenanceError
from kfp_provenance.facts import (
    Artifact,
    ArtifactKind,
    CodeState,
    ComponentReference,
    Digest,
    Input,
    InputOrigin,
    Outcome,
    Output,
    Parameter,
    Step,
)
from kfp_provenance.lineage.model import ChainSubject, Join
from kfp_provenance.lineage.roots import DeclaredBy, RootUse
from kfp_provenance.lineage.stored import StoredArtifact, StoredBytes, UnreadArtifact

_Model = TypeVar("_Model", bound=BaseModel)


@dataclass(frozen=True)
class StepStatement:
    """What a step statement says.

    Attributes:
        step: The step; its parameters in canonical JSON.
        builder: ``builder.id``: who states it.
        builder_version: Version of this package that made the statement.
        python: Name of the Python environment; may be empty.
    """

    step: Step
    builder: str
    builder_version: str
    python: str = ""


def parse_statement(payload: bytes, where: str = "statement") -> StepStatement | Summary:
    """Read one statement, strictly.

    Args:
        payload: Verified payload of an envelope.
        where: How errors name it, for example ``line 3``.

    Raises:
        BundleError: STATEMENT_MALFORMED, or PREDICATE_UNKNOWN for a predicate or build
            type that this version does not know.
    """
    try:
        raw = loads(payload)
    except StrictJsonError as error:
        raise _malformed(where, str(error)) from error
    kind = raw.get("predicateType") if isinstance(raw, dict) else None
    try:
        if kind == PROVENANCE_TYPE:
            return _step_statement(_validated(models.StepStatementModel, raw, where), where)
        if kind == SUMMARY_TYPE:
            return _summary(_validated(models.SummaryStatementModel, raw, where))
    except BundleError:
        raise
    except (ValueError, ProvenanceError) as error:
        reason = error.message if isinstance(error, ProvenanceError) else str(error)
        raise _malformed(where, reason) from error
    if not isinstance(kind, str):
        raise _malformed(where, "no predicateType")
    raise _unknown(where, "predicate type", f"{PROVENANCE_TYPE} or {SUMMARY_TYPE}", kind)


def _validated(model: type[_Model], raw: JsonValue, where: str) -> _Model:
    try:
        return model.model_validate(raw)
    except ValidationError as error:
        first = error.errors(include_url=False, include_context=False, include_input=False)[0]
        path = ".".join(map(str, first["loc"]))
        raise _malformed(where, f"{path}: {first['msg']}") from error


def _malformed(where: str, reason: str) -> BundleError:
    return BundleError(
        Code.STATEMENT_MALFORMED,
        "a signed statement is not well formed",
        where=where,
        expected="a statement as docs/reference/kfp-step-v1.md and bundle.md specify it",
        found=printable(reason, 500),
        remedy="sign the run again with this version of kfp-provenance",
    )


def _unknown(where: str, what: str, expected: str, found: str) -> BundleError:
    return BundleError(
        Code.PREDICATE_UNKNOWN,
        f"a signed statement has a {what} that this version does not know",
        where=where,
        expected=expected,
        found=printable(found),
        remedy="verify with the version of kfp-provenance that signed it",
    )


def _step_statement(model: models.StepStatementModel, where: str) -> StepStatement:
    build, details = model.predicate.build_definition, model.predicate.run_details
    if build.build_type != BUILD_TYPE:
        raise _unknown(where, "build type", BUILD_TYPE, build.build_type)
    external, internal = build.external_parameters, build.internal_parameters
    contents = {by.name: by for by in details.byproducts if by.content}
    dependencies = build.resolved_dependencies
    step = Step(
        id=details.metadata.invocation_id,
        run=internal.run,
        task=external.task,
        pipeline=external.pipeline.name,
        pipeline_digest=external.pipeline.digest,
        namespace=internal.namespace,
        attempt=internal.attempt,
        component=ComponentReference(
            external.component.name,
            external.component.version,
            Digest.parse(internal.source_digest),
            internal.image,
        ),
        code=_code([d for d in dependencies if isinstance(d, models.CodeDescriptor)]),
        environment=Digest.parse(internal.environment.digest),
        parameters=_parameters(external.parameters),
        results=_parameters(internal.results),
        inputs=tuple(_input(d) for d in dependencies if isinstance(d, models.InputDescriptor)),
        outputs=tuple(_output(subject, contents) for subject in model.subject),
        started=_time(details.metadata.started_on),
        finished=_time(details.metadata.finished_on),
        outcome=Outcome.SUCCEEDED,
        runtime_version=internal.runtime_version,
    )
    _check_step(step)
    version = details.builder.version.get(VERSION_KEY, "")
    return StepStatement(step, details.builder.id, version, internal.environment.python)


def _check_step(step: Step) -> None:
    outputs = [(output.name, output.index) for output in step.outputs]
    inputs = [(i.origin is InputOrigin.SOURCE, i.name, i.index) for i in step.inputs]
    if len(set(outputs)) != len(outputs) or len(set(inputs)) != len(inputs):
        raise ValueError("two artifacts have the same name")
    if step.started > step.finished:
        raise ValueError("the step ended before it started")


def _output(subject: models.OutputDescriptor, contents: dict[str, models.Byproduct]) -> Output:
    annotations = subject.annotations
    index = int(annotations.index)
    metadata = annotations.metadata
    if annotations.kind == "values" and subject.name in contents:
        metadata = _content(contents[subject.name], subject.digest.sha256)
    artifact = _artifact(subject, annotations, metadata)
    return Output(_unlabelled(subject.name, index), index, artifact)


def _content(byproduct: models.Byproduct, expected: str) -> str:
    try:
        content = base64.b64decode(byproduct.content, validate=True)
    except binascii.Error as error:
        raise ValueError(f"content of {byproduct.name} is not base64") from error
    if not hashlib.sha256(content).hexdigest() == byproduct.digest.sha256 == expected:
        raise ValueError(f"content of {byproduct.name} has another digest")
    return content.decode("utf-8")


def _input(dependency: models.InputDescriptor) -> Input:
    annotations = dependency.annotations
    index = int(annotations.index)
    return Input(
        name=_unlabelled(dependency.name, index),
        index=index,
        artifact=_artifact(dependency, annotations),
        origin=InputOrigin(annotations.origin),
        producer=annotations.producer,
        output=annotations.output,
        output_index=int(annotations.output_index),
    )


def _artifact(
    located: models.OutputDescriptor | models.InputDescriptor | models.SubjectDescriptor,
    annotations: models.ArtifactAnnotations,
    metadata: str = "",
) -> Artifact:
    return Artifact(
        digest=Digest(located.digest.sha256),
        uri=located.uri,
        kind=ArtifactKind(annotations.kind),
        size=int(annotations.size),
        type=annotations.type,
        version=annotations.version,
        metadata=metadata,
    )


def _unlabelled(label: str, index: int) -> str:
    """Undo :func:`~kfp_provenance.lineage.checks.artifact_label`."""
    if not index:
        return label
    name, suffix = label.removesuffix(f"[{index}]"), f"[{index}]"
    if not name or not label.endswith(suffix):
        raise ValueError(f"artifact {label} does not have position {index}")
    return name


def _code(found: list[models.CodeDescriptor]) -> CodeState | None:
    if not found:
        return None
    (code,) = found  # two would be ambiguous: ValueError
    return CodeState(
        commit=code.digest.git_commit,
        dirty=code.annotations.dirty == "true",
        repository=code.uri.removeprefix("git+"),
    )


def _parameters(raw: dict[str, object]) -> tuple[Parameter, ...]:
    # the values come from strict_json.loads, whatever the model calls them
    return tuple(decode_parameter(name, raw[name]) for name in sorted(raw))  # type: ignore[arg-type]


def _time(text: str) -> datetime:
    return datetime.fromisoformat(text)


def _summary(model: models.SummaryStatementModel) -> Summary:
    predicate = model.predicate
    chain = predicate.chain
    return Summary(
        verifier=predicate.verifier.id,
        verifier_version=predicate.verifier.version.get(VERSION_KEY, ""),
        time=_time(predicate.time_verified),
        result=predicate.verification_result,
        levels=tuple(predicate.verified_levels),
        resource_uri=predicate.resource_uri,
        policy_uri=predicate.policy.uri,
        policy_digest=Digest(predicate.policy.digest.sha256),
        subjects=tuple(map(_subject, model.subject)),
        attestations=tuple(
            AttestationReference(reference.name, Digest(reference.digest.sha256))
            for reference in predicate.input_attestations
        ),
        run=chain.run,
        pipeline=chain.pipeline.name,
        pipeline_digest=chain.pipeline.digest,
        roots=tuple(map(_root, chain.roots)),
        joins=tuple(
            Join(j.step, j.input, j.index, j.producer, j.output, j.output_index)
            for j in chain.joins
        ),
        reused_runs=tuple(chain.reused_runs),
        stored=StoredBytes(
            tuple(StoredArtifact(Digest.parse(a.digest), a.uri) for a in chain.stored.rehashed),
            tuple(
                UnreadArtifact(Digest.parse(a.digest), a.uri, a.reason) for a in chain.stored.unread
            ),
        ),
    )


def _subject(descriptor: models.SubjectDescriptor) -> ChainSubject:
    annotations = descriptor.annotations
    index = int(annotations.index)
    return ChainSubject(
        name=_unlabelled(descriptor.name, index),
        index=index,
        artifact=_artifact(descriptor, annotations),
        producer=annotations.producer,
        output=annotations.output,
        output_index=int(annotations.output_index),
    )


def _root(root: models.RootModel) -> RootUse:
    return RootUse(
        step=root.step,
        input=root.input,
        index=root.index,
        digest=Digest.parse(root.digest),
        uri=root.uri,
        declared_by=DeclaredBy(root.declared_by),
    )
