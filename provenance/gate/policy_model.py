"""The gate's policy as strict models: the border where its file comes in."""

# ruff: noqa: D101 - each class is a table of docs/reference/gate-policy.md
from __future__ import annotations

from typing import Annotated

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, StringConstraints

from kfp_provenance.verify.trust_model import FileBeside

_NAME = r"^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$"


def _prefix(text: str) -> str:
    if not text.endswith("/"):
        raise ValueError("a source ends in / so that no name can begin like another")
    if any(part in (".", "..") for part in text.split("/")) or "%" in text or "\\" in text:
        raise ValueError("a source has no ., .., % or backslash")
    return text


def _service(text: str) -> str:
    if not text.startswith(("http://", "https://")) or "@" in text or "?" in text or "#" in text:
        raise ValueError("the address of a service is http: or https:, without credentials")
    return text.rstrip("/")


_Name = Annotated[str, StringConstraints(pattern=_NAME)]  # a label of DNS, as namespaces are
_Uri = Annotated[str, StringConstraints(pattern=r"^[^\s]+$", max_length=2048)]
_Many = Field(min_length=1, max_length=4096)


class _Model(BaseModel):
    model_config = ConfigDict(strict=True, extra="forbid", frozen=True)


class PromotionModel(_Model):
    required: bool = False
    four_eyes: bool = False
    withdrawals: _Uri | None = None


class RulesModel(_Model):
    url: Annotated[_Uri, AfterValidator(_service)]
    timeout_seconds: Annotated[float, Field(gt=0, le=25)] = 2.0


class EnvironmentModel(_Model):
    name: _Name
    namespaces: Annotated[list[_Name], _Many]
    trust: FileBeside
    sources: Annotated[list[Annotated[_Uri, AfterValidator(_prefix)]], _Many]
    promotion: PromotionModel | None = None
    hash_up_to_bytes: Annotated[int, Field(ge=0, le=2**40)] = 0


class GatePolicyModel(_Model):
    version: Annotated[int, Field(ge=1, le=1)]
    environment: Annotated[list[EnvironmentModel], _Many]
    rules: RulesModel | None = None
    refresh_seconds: Annotated[float, Field(ge=1, le=3600)] = 30.0
    deadline_seconds: Annotated[float, Field(gt=0, le=28)] = 8.0
