"""The trust policy file: TOML, strict, as specified in docs/reference/trust-policy.md."""

from __future__ import annotations

import tomllib
from collections.abc import Callable
from pathlib import Path, PurePosixPath
from typing import Annotated, Self

from pydantic import (
    AfterValidator,
    BaseModel,
    ConfigDict,
    Field,
    StringConstraints,
    ValidationError,
    model_validator,
)

from kfp_provenance.attest.printable import printable
from kfp_provenance.codes import Code
from kfp_provenance.errors import ProvenanceError, TrustError
from kfp_provenance.lineage.roots import Root
from kfp_provenance.verify.trust import Trust, TrustedSigner, trusted_key

_LIMIT = 1024 * 1024
ReadKey = Callable[[str], bytes]
"""Reads a key file named relative to the trust policy."""


def load_trust(path: Path) -> Trust:
    """Read a trust policy and the keys that it names.

    Raises:
        TrustError: TRUST_INVALID; a policy that cannot be read is never an empty one.
    """

    def read_key(name: str) -> bytes:
        return _read(path.parent / name)

    return parse_trust(_read(path), read_key, where=str(path))


def parse_trust(text: bytes, read_key: ReadKey, where: str = "trust policy") -> Trust:
    """Read the text of a trust policy.

    Args:
        text: TOML in UTF-8.
        read_key: Reads ``key = "..."``; the name has no ``..`` and is not absolute.
        where: How errors name the policy.

    Raises:
        TrustError: TRUST_INVALID for an unknown field, a wrong type, a pattern, ...
    """
    try:
        policy = _Policy.model_validate(tomllib.loads(text.decode("utf-8")))
    except ValidationError as error:
        first = error.errors(include_url=False, include_context=False, include_input=False)[0]
        place = ".".join(map(str, first["loc"])) or "policy"
        raise _invalid(where, f"{place}: {first['msg']}") from error
    except (ValueError, RecursionError) as error:
        raise _invalid(where, f"not TOML in UTF-8: {error}") from error
    signers = tuple(_signer(signer, read_key, where) for signer in policy.signer)
    return Trust(signers, _set(policy.roots))


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
        raise ValueError("a key file lies beside the trust policy or in a folder below it")
    return name


_Exact = Annotated[str, StringConstraints(max_length=4096), AfterValidator(_exact)]
_Builder = Annotated[
    str, StringConstraints(pattern=r"^[a-z][a-z0-9+.-]*:[^ ]+$"), AfterValidator(_exact)
]
_Many = Field(min_length=1, max_length=4096)


class _Model(BaseModel):
    model_config = ConfigDict(strict=True, extra="forbid", frozen=True)


class _Signer(_Model):
    key: Annotated[str, StringConstraints(min_length=1), AfterValidator(_inside)] | None = None
    pem: Annotated[str, StringConstraints(min_length=1, max_length=16384)] | None = None
    builders: Annotated[list[_Builder], _Many]
    pipelines: Annotated[list[_Exact], _Many] | None = None
    namespaces: Annotated[list[_Exact], _Many] | None = None

    @model_validator(mode="after")
    def _one_key(self) -> Self:
        if (self.key is None) == (self.pem is None):
            raise ValueError("a signer has either key (a file) or pem (its text)")
        return self


class _Policy(_Model):
    version: Annotated[int, Field(ge=1, le=1)]  # a Literal would take true for 1
    signer: Annotated[list[_Signer], _Many]
    roots: Annotated[list[Annotated[str, AfterValidator(_root)]], _Many] | None = None


def _signer(model: _Signer, read_key: ReadKey, where: str) -> TrustedSigner:
    name = model.key if model.key is not None else f"{where} (pem)"
    pem = read_key(model.key) if model.key is not None else (model.pem or "").encode()
    return TrustedSigner(
        name=name,
        key=trusted_key(pem, name),
        builders=frozenset(model.builders),
        pipelines=_set(model.pipelines),
        namespaces=_set(model.namespaces),
    )


def _set(values: list[str] | None) -> frozenset[str] | None:
    return None if values is None else frozenset(values)


def _read(path: Path) -> bytes:
    try:
        with path.open("rb") as stream:
            data = stream.read(_LIMIT + 1)
    except OSError as error:
        raise _invalid(str(path), error.strerror or type(error).__name__) from error
    if len(data) > _LIMIT:
        raise _invalid(str(path), f"larger than {_LIMIT} bytes")
    return data


def _invalid(where: str, reason: str) -> TrustError:
    return TrustError(
        Code.TRUST_INVALID,
        "the trust policy cannot be used",
        where=where,
        expected="a policy as docs/reference/trust-policy.md specifies it",
        found=printable(reason, 500),
        remedy="mend the policy; without one nothing is trusted",
    )
