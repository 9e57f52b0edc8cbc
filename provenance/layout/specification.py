"""The part of a compiled pipeline that a layout is derived from, as pydantic models."""

# ruff: noqa: D101 - each class is the message of that name in KFP's pipeline_spec.proto
from __future__ import annotations

from collections.abc import Mapping

from pydantic import BaseModel, ConfigDict, Field, ValidationError
from pydantic.alias_generators import to_camel

from kfp_provenance.codes import Code
from kfp_provenance.errors import AuthoringError


class _Model(BaseModel):
    model_config = ConfigDict(
        strict=True, extra="ignore", frozen=True, alias_generator=to_camel, validate_by_alias=True
    )


class TaskOutputArtifact(_Model):
    producer_task: str
    output_artifact_key: str


class InputArtifact(_Model):
    task_output_artifact: TaskOutputArtifact | None = None
    component_input_artifact: str | None = None


class TaskInputs(_Model):
    artifacts: dict[str, InputArtifact] = Field(default_factory=dict)


class TaskInfo(_Model):
    name: str = ""


class ComponentRef(_Model):
    name: str


class TriggerPolicy(_Model):
    condition: str = ""


class Task(_Model):
    component_ref: ComponentRef
    task_info: TaskInfo = TaskInfo()
    inputs: TaskInputs = TaskInputs()
    trigger_policy: TriggerPolicy = TriggerPolicy()
    parameter_iterator: dict[str, object] | None = None
    artifact_iterator: dict[str, object] | None = None

    @property
    def iterates(self) -> bool:
        """Whether it runs once for each item of a list."""
        return self.parameter_iterator is not None or self.artifact_iterator is not None


class ArtifactSelector(_Model):
    producer_subtask: str
    output_artifact_key: str


class DagOutputArtifact(_Model):
    artifact_selectors: tuple[ArtifactSelector, ...] = Field(default=(), strict=False)


class DagOutputs(_Model):
    artifacts: dict[str, DagOutputArtifact] = Field(default_factory=dict)


class Dag(_Model):
    tasks: dict[str, Task] = Field(default_factory=dict)
    outputs: DagOutputs = DagOutputs()


class ArtifactType(_Model):
    schema_title: str = ""


class OutputArtifact(_Model):
    artifact_type: ArtifactType = ArtifactType()


class Outputs(_Model):
    artifacts: dict[str, OutputArtifact] = Field(default_factory=dict)


class Component(_Model):
    executor_label: str = ""
    dag: Dag | None = None
    output_definitions: Outputs = Outputs()


class PipelineInfo(_Model):
    name: str


class Specification(_Model):
    pipeline_info: PipelineInfo
    root: Component
    components: dict[str, Component] = Field(default_factory=dict)


def parse_specification(document: Mapping[str, object]) -> Specification:
    """Read the first document of a compiled pipeline.

    Raises:
        AuthoringError: PIPELINE_INVALID if it is no specification of a pipeline.
    """
    try:
        return Specification.model_validate(document)
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False)[0]
        raise pipeline_invalid(
            ".".join(map(str, first["loc"])), f"{first['msg']} ({error.error_count()} in all)"
        ) from error


def pipeline_invalid(where: str, found: str) -> AuthoringError:
    """What every part that reads the specification says about a broken one."""
    return AuthoringError(
        Code.PIPELINE_INVALID,
        "the compiled pipeline cannot be read",
        where=where,
        found=found,
        remedy="compile it again: kprov compile PIPELINE -o pipeline.yaml",
    )
