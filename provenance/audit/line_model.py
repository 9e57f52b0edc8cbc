"""A line of the trail as strict models: the border where it is read back."""

# ruff: noqa: D101, D102 - each class is an object of docs/reference/audit-trail.md
from __future__ import annotations

import re
from datetime import UTC, datetime
from typing import Annotated, Self

from pydantic import (
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    StringConstraints,
    model_validator,
)

from kfp_provenance.attest.strict_json import MAX_INTEGER
from kfp_provenance.audit.encoding import MAX_DURATION, MAX_ELEMENTS, MAX_TEXT
from kfp_provenance.audit.naming import is_chain
from kfp_provenance.audit.records import (
    CheckpointMark,
    End,
    JudgedModel,
    Outcome,
    Place,
    Record,
    Requester,
    Start,
    Target,
    Tip,
)
from kfp_provenance.codes import Code
from kfp_provenance.facts import Digest, Finding

MAX_FOLLOWED = 1024
_TIME = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}Z")


def _moment(value: object) -> datetime:
    if not isinstance(value, str) or not _TIME.fullmatch(value):
        raise ValueError("a time is YYYY-MM-DDTHH:MM:SS.ffffffZ")
    return datetime.fromisoformat(value[:-1]).replace(tzinfo=UTC)


def _digest(value: object) -> Digest:
    if not isinstance(value, str) or not re.fullmatch(r"sha256:[0-9a-f]{64}", value):
        raise ValueError("a digest is sha256:<64 hex digits>")
    return Digest(value[7:])


def _chain(value: object) -> str:
    if not isinstance(value, str) or not is_chain(value):
        raise ValueError("this is not the id of a chain")
    return value


_LAX = Field(strict=False)
"""An enumeration from its text, a tuple from a list: JSON has no others."""
_CUT = 64
"""Room for the mark of a cut text."""
_Text = Annotated[str, StringConstraints(max_length=MAX_TEXT + _CUT)]
_Texts = Annotated[tuple[_Text, ...], Field(max_length=MAX_ELEMENTS, strict=False)]
Moment = Annotated[datetime, BeforeValidator(_moment)]
_Digest = Annotated[Digest, BeforeValidator(_digest)]
ChainId = Annotated[str, BeforeValidator(_chain)]
_Number = Annotated[int, Field(ge=0, le=MAX_INTEGER)]


class _Model(BaseModel):
    model_config = ConfigDict(
        strict=True, extra="forbid", frozen=True, arbitrary_types_allowed=True
    )


class FindingModel(_Model):
    code: Annotated[Code, _LAX]
    message: _Text = ""
    step: _Text = ""
    artifact: _Text = ""
    expected: _Text = ""
    found: _Text = ""
    remedy: _Text = ""


class JudgedModelModel(_Model):
    uri: _Text = ""
    name: _Text = ""
    model_digest: _Digest | None = None
    bundle_digest: _Digest | None = None
    promotion_digest: _Digest | None = None
    signers: _Texts = ()


class DecisionModel(_Model):
    place: Annotated[Place, _LAX]
    outcome: Annotated[Outcome, _LAX]
    time: Moment
    user: _Text = ""
    groups: _Texts = ()
    kind: _Text = ""
    namespace: _Text = ""
    name: _Text = ""
    operation: _Text = ""
    dry_run: bool = False
    request_id: _Text = ""
    environment: _Text = ""
    enforced: bool = True
    findings: Annotated[tuple[FindingModel, ...], Field(max_length=MAX_ELEMENTS, strict=False)] = ()
    models: Annotated[
        tuple[JudgedModelModel, ...], Field(max_length=MAX_ELEMENTS, strict=False)
    ] = ()
    policy_revision: _Text = ""
    revocation_revision: _Text = ""
    opa_decision_ids: _Texts = ()
    gate_version: _Text = ""
    duration: Annotated[int, Field(ge=0, le=MAX_DURATION)] = 0
    omitted: Annotated[dict[_Text, _Number], Field(max_length=8)] = Field(default_factory=dict)

    def record(self) -> Record:
        return Record(
            place=self.place,
            outcome=self.outcome,
            time=self.time,
            requester=Requester(self.user, self.groups),
            target=Target(self.kind, self.namespace, self.name, self.operation, self.dry_run),
            request_id=self.request_id,
            environment=self.environment,
            enforced=self.enforced,
            findings=tuple(Finding(**dict(finding)) for finding in self.findings),
            models=tuple(JudgedModel(**dict(model)) for model in self.models),
            policy_revision=self.policy_revision,
            revocation_revision=self.revocation_revision,
            opa_decision_ids=self.opa_decision_ids,
            gate_version=self.gate_version,
            duration=self.duration,
            omitted=self.omitted,
        )


class TipModel(_Model):
    chain: ChainId
    sequence: _Number
    digest: _Digest


class StartModel(_Model):
    replica: Annotated[str, StringConstraints(min_length=1, max_length=63)]
    signer: Annotated[str, StringConstraints(max_length=MAX_TEXT)]
    follows: Annotated[tuple[TipModel, ...], Field(max_length=MAX_FOLLOWED, strict=False)]


class MarkModel(_Model):
    number: Annotated[int, Field(ge=1, le=MAX_INTEGER)]
    digest: _Digest


class EndModel(_Model):
    pass


class LineModel(_Model):
    version: Annotated[int, Field(ge=1, le=1)]
    chain: ChainId
    sequence: _Number
    previous: _Digest | None
    time: Moment
    decision: DecisionModel | None = None
    start: StartModel | None = None
    checkpoint: MarkModel | None = None
    end: EndModel | None = None

    @model_validator(mode="after")
    def _one_content(self) -> Self:
        given = {"decision", "start", "checkpoint", "end"} & self.model_fields_set
        if len(given) != 1 or getattr(self, next(iter(given))) is None:
            raise ValueError("a line has one content: decision, start, checkpoint or end")
        first = self.sequence == 0
        if first != (self.start is not None) or first != (self.previous is None):
            raise ValueError("the first line of a chain, and no other, is its start")
        return self

    def content(self) -> Record | Start | CheckpointMark | End:
        if self.decision is not None:
            return self.decision.record()
        if self.start is not None:
            follows = tuple(Tip(**dict(tip)) for tip in self.start.follows)
            return Start(self.start.replica, self.start.signer, follows)
        if self.checkpoint is not None:
            return CheckpointMark(**dict(self.checkpoint))
        return End()
