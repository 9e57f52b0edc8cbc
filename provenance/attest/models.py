"""The JSON of our statements as strict models: the border where bytes come in.

Unknown fields are refused where an unknown field could change what is judged: in the
statement itself, in ``externalParameters`` and in the chain extension. Elsewhere they
are ignored, as the parsing rules of in-toto and SLSA ask.
"""

# ruff: noqa: D101 - each class is the JSON object of that name in the specifications
from __future__ import annotations

from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Discriminator, Field, StringConstraints, Tag
from pydantic.alias_generators import to_camel

from kfp_provenance.attest.identifiers import (
    MAX_INPUTS,
    MAX_SUBJECTS,
)

_LIST = 65536

Hex = Annotated[str, StringConstraints(pattern=r"^[0-9a-f]{64}$")]
PrefixedDigest = Annotated[str, StringConstraints(pattern=r"^sha256:[0-9a-f]{64}$")]
Name = Annotated[str, StringConstraints(min_length=1, max_length=4096)]
Text = Annotated[str, StringConstraints(max_length=65536)]
Count = Annotated[str, StringConstraints(pattern=r"^(0|[1-9][0-9]{0,18})$")]
Position = Annotated[int, Field(ge=0, le=MAX_INPUTS)]
Time = Annotated[
    str,
    StringConstraints(
        pattern=r"^[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}(\.[0-9]{1,6})?Z$"
    ),
]
Kind = Literal["file", "directory", "values"]


class _Model(BaseModel):
    model_config = ConfigDict(
        strict=True, extra="ignore", frozen=True, alias_generator=to_camel, validate_by_alias=True
    )


class _Closed(_Model):
    model_config = ConfigDict(extra="forbid")


class Sha256(_Closed):
    sha256: Hex


class GitCommit(_Closed):
    git_commit: Name


class ArtifactAnnotations(_Model):
    kind: Kind
    size: Count
    type: Name
    index: Count
    version: Text = ""


class OutputAnnotations(ArtifactAnnotations):
    metadata: str = ""


class InputAnnotations(ArtifactAnnotations):
    role: Literal["input"]
    origin: Literal["step", "imported", "source"]
    producer: Text = ""
    output: Text = ""
    output_index: Count = "0"


class SubjectAnnotations(ArtifactAnnotations):
    producer: Name
    output: Name
    output_index: Count


class CodeAnnotations(_Model):
    role: Literal["code"]
    dirty: Literal["true", "false"]


class _Located(_Model):
    name: Name
    uri: Text = ""
    digest: Sha256


class OutputDescriptor(_Located):
    annotations: OutputAnnotations


class InputDescriptor(_Located):
    annotations: InputAnnotations


class SubjectDescriptor(_Located):
    annotations: SubjectAnnotations


class CodeDescriptor(_Model):
    name: Literal["code"]
    uri: Text = ""
    digest: GitCommit
    annotations: CodeAnnotations


def _role(value: object) -> str:
    annotations = value.get("annotations") if isinstance(value, dict) else None
    role = annotations.get("role") if isinstance(annotations, dict) else None
    return role if isinstance(role, str) else ""


Dependency = Annotated[
    Annotated[InputDescriptor, Tag("input")] | Annotated[CodeDescriptor, Tag("code")],
    Discriminator(_role),
]


class PipelineReference(_Closed):
    name: Text
    digest: Text = ""


class ComponentName(_Closed):
    name: Name
    version: Text = ""


class ExternalParameters(_Closed):
    pipeline: PipelineReference
    component: ComponentName
    task: Name
    parameters: dict[str, object]


class EnvironmentReference(_Model):
    digest: PrefixedDigest
    python: Text = ""


class InternalParameters(_Model):
    run: Name
    namespace: Text = ""
    image: Text = ""
    attempt: Annotated[int, Field(ge=0)]
    source_digest: PrefixedDigest
    environment: EnvironmentReference
    results: dict[str, object] = {}
    runtime_version: Text = ""


class BuildDefinition(_Model):
    build_type: Name
    external_parameters: ExternalParameters
    internal_parameters: InternalParameters
    resolved_dependencies: Annotated[list[Dependency], Field(max_length=MAX_INPUTS + 1)] = []


class Party(_Model):
    id: Name
    version: dict[str, str] = {}


class RunMetadata(_Model):
    invocation_id: Name
    started_on: Time
    finished_on: Time


class Byproduct(_Model):
    name: Name
    digest: Sha256
    content: str = ""


class RunDetails(_Model):
    builder: Party
    metadata: RunMetadata
    byproducts: Annotated[list[Byproduct], Field(max_length=MAX_SUBJECTS + 1)] = []


class Provenance(_Model):
    build_definition: BuildDefinition
    run_details: RunDetails


class _Statement(_Closed):
    type_: Literal["https://in-toto.io/Statement/v1"] = Field(alias="_type")
    predicate_type: str


class StepStatementModel(_Statement):
    subject: Annotated[list[OutputDescriptor], Field(min_length=1, max_length=MAX_SUBJECTS)]
    predicate: Provenance


class AttestationModel(_Model):
    name: Name
    digest: Sha256


class PolicyModel(_Model):
    uri: Name
    digest: Sha256


class RootModel(_Closed):
    step: Name
    input: Name
    index: Position
    digest: PrefixedDigest
    uri: Text
    declared_by: Literal["step", "signer"]


class JoinModel(_Closed):
    step: Name
    input: Name
    index: Position
    producer: Name
    output: Name
    output_index: Position


class StoredModel(_Closed):
    digest: PrefixedDigest
    uri: Text


class UnreadModel(StoredModel):
    reason: Text


class StoredBytesModel(_Closed):
    rehashed: Annotated[list[StoredModel], Field(max_length=_LIST)]
    unread: Annotated[list[UnreadModel], Field(max_length=_LIST)]


class ChainModel(_Closed):
    run: Name
    pipeline: PipelineReference
    roots: Annotated[list[RootModel], Field(max_length=_LIST)]
    joins: Annotated[list[JoinModel], Field(max_length=_LIST)]
    reused_runs: Annotated[list[Name], Field(max_length=MAX_INPUTS)]
    stored: StoredBytesModel


class SummaryPredicate(_Model):
    verifier: Party
    time_verified: Time
    resource_uri: Text
    policy: PolicyModel
    input_attestations: Annotated[list[AttestationModel], Field(max_length=MAX_INPUTS)]
    verification_result: Literal["PASSED", "FAILED"]
    verified_levels: Annotated[list[Name], Field(max_length=64)]
    # identifiers.CHAIN_EXTENSION; type checkers ask for the text itself
    chain: ChainModel = Field(alias="https://kfp-provenance.dev/chain/v1")


class SummaryStatementModel(_Statement):
    subject: Annotated[list[SubjectDescriptor], Field(min_length=1, max_length=MAX_SUBJECTS)]
    predicate: SummaryPredicate
