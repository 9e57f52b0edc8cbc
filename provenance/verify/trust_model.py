"""The trust policy as strict models: the border where its file comes in."""

# ruff: noqa: D101 - each class is a table of docs/reference/trust-policy.md
from __future__ import annotations

from datetime import datetime
from pathlib import PurePosixPath
from typing import Annotated, Self

from pydantic import (
    AfterValidator,
    BaseModel,
    ConfigDict,
    Field,
    StringConstraints,
    model_validator,
)

from kfp_provenance.errors import ProvenanceError
from kfp_provenance.lineage.roots import Root


def _exact(text: str) -> str:
    if "*" in text:
        raise ValueError("names are exact, there are no patterns")
    return text


def _root(text: str) -> str:
    try:
        return str(Root.parse(text))
    except ProvenanceError as error:
        raise ValueError(error.message) from error


def _inside(name: str) -> str:
    path = PurePosixPath(name)
    if path.is_absolute() or ".." in path.parts or "\0" in name:
        raise ValueError("the file lies beside the trust policy or in a folder below it")
    return name


def _zoned(moment: datetime) -> datetime:
    if moment.tzinfo is None:
        raise ValueError("a time has a zone, for example 2026-01-31T00:00:00Z")
    return moment


_Text = Annotated[str, StringConstraints(min_length=1, max_length=4096)]
_Exact = Annotated[str, StringConstraints(max_length=4096), AfterValidator(_exact)]
_Name = Annotated[_Text, AfterValidator(_exact)]
FileBeside = Annotated[_Text, AfterValidator(_inside)]
"""A file beside the policy, or in a folder below it."""
_Uri = Annotated[
    str,
    StringConstraints(pattern=r"^[a-z][a-z0-9+.-]*:[^ ]+$", max_length=4096),
    AfterValidator(_exact),
]
_Digest = Annotated[str, StringConstraints(pattern=r"^sha256:[0-9a-f]{64}$")]
_Hint = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9+/]{43}=$")]
_Moment = Annotated[datetime, AfterValidator(_zoned)]
_Many = Field(min_length=1, max_length=4096)
_ManyRevoked = Field(min_length=1, max_length=65536)


class _Model(BaseModel):
    model_config = ConfigDict(strict=True, extra="forbid", frozen=True)


class SignerModel(_Model):
    key: FileBeside | None = None
    pem: Annotated[str, StringConstraints(min_length=1, max_length=16384)] | None = None
    identity: _Name | None = None
    issuer: _Uri | None = None
    builders: Annotated[list[_Uri], _Many]
    pipelines: Annotated[list[_Exact], _Many] | None = None
    namespaces: Annotated[list[_Exact], _Many] | None = None
    not_before: _Moment | None = None
    not_after: _Moment | None = None

    @model_validator(mode="after")
    def _one_of_them(self) -> Self:
        given = [value for value in (self.key, self.pem, self.identity) if value is not None]
        if len(given) != 1:
            raise ValueError("a signer has key (a file), pem (its text) or identity, one of them")
        if (self.identity is None) != (self.issuer is None):
            raise ValueError("identity and issuer belong together")
        if self.not_before and self.not_after and self.not_before > self.not_after:
            raise ValueError("not_before is after not_after")
        return self


class ComponentModel(_Model):
    name: _Name
    source_digest: _Digest | None = None


class RequireModel(_Model):
    steps: Annotated[list[_Name], _Many] | None = None
    components: Annotated[list[ComponentModel], _Many] | None = None
    level: Annotated[int, Field(ge=1, le=3)] = 1
    maximum_age_days: Annotated[int, Field(ge=1, le=36500)] | None = None


class RevokedIdentityModel(_Model):
    identity: _Name
    issuer: _Uri
    since: _Moment | None = None


class RevokedModel(_Model):
    digests: Annotated[list[_Digest], _ManyRevoked] | None = None
    keys: Annotated[list[_Hint], _ManyRevoked] | None = None
    identities: Annotated[list[RevokedIdentityModel], _ManyRevoked] | None = None


class RevocationFileModel(RevokedModel):
    version: Annotated[int, Field(ge=1, le=1)]


class PolicyModel(_Model):
    version: Annotated[int, Field(ge=1, le=1)]  # a Literal would take true for 1
    signer: Annotated[list[SignerModel], _Many]
    roots: Annotated[list[Annotated[str, AfterValidator(_root)]], _Many] | None = None
    trusted_root: FileBeside | None = None
    require: RequireModel | None = None
    revoked: RevokedModel | None = None
    revocations: FileBeside | None = None
