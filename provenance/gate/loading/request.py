"""What is asked of the loader, and what is claimed about each model."""

from __future__ import annotations

import os
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field, TypeAdapter, ValidationError

from kfp_provenance.codes import Code
from kfp_provenance.errors import LoadError
from kfp_provenance.facts import Digest
from kfp_provenance.storage import without_credentials
from kfp_provenance.verify import Identity

_MOST_MODELS = 64
_LIMIT = 64 * 1024
ADDRESS = re.compile(r"[^?#]+/sha256-([0-9a-f]{64})/[^/?#]+/?")
_DIGEST = re.compile(r"(?:sha256:)?[0-9a-f]{64}")
_Text = Annotated[str, Field(min_length=1, max_length=4096)]


@dataclass(frozen=True)
class Claims:
    """What the one who deploys a model says about it. Claims narrow; they never add trust.

    Attributes:
        digests: Every digest that it is said to have, by who says so.
        bundle: URI of its bundle; empty to look beside the model.
        identity: Who must have signed the summary; None leaves it to the trust policy.
    """

    digests: Mapping[str, Digest]
    bundle: str = ""
    identity: Identity | None = None


@dataclass(frozen=True)
class ModelRequest:
    """One model to load.

    Attributes:
        uri: Where it is; may hold credentials, so it is never shown.
        target: Absolute path of the directory that it is to fill.
        claims: What is said about it.
    """

    uri: str
    target: Path
    claims: Claims

    @property
    def name(self) -> str:
        """The URI as it may be shown."""
        return without_credentials(self.uri)


class _Signature(BaseModel):
    model_config = ConfigDict(strict=True, extra="forbid", frozen=True)

    bundle: _Text | None = None
    identity: _Text | None = None
    issuer: Annotated[_Text | None, Field(alias="oidcIssuer")] = None


class _Verification(BaseModel):
    """The block that kserve#5789 proposes."""

    model_config = ConfigDict(strict=True, extra="forbid", frozen=True)

    digest: _Text | None = None
    signature: _Signature = _Signature()


_BLOCKS = TypeAdapter(dict[str, _Verification])


def parse_targets(words: Sequence[str]) -> tuple[Path, ...]:
    """The directories of ``URI PATH [URI PATH ...]``.

    Raises:
        LoadError: USAGE; LOAD_TARGET_INVALID.
    """
    if not words or len(words) % 2 or len(words) > 2 * _MOST_MODELS:
        raise LoadError(
            Code.USAGE,
            "models are named as pairs of a URI and a directory",
            expected=f"URI PATH [URI PATH ...], at most {_MOST_MODELS} pairs",
            found=f"{len(words)} words",
            remedy="name a directory for each URI",
        )
    targets = tuple(map(_target, words[1::2]))
    _refuse_overlap(targets)
    return targets


def parse_request(
    words: Sequence[str], environ: Mapping[str, str] = os.environ
) -> tuple[ModelRequest, ...]:
    """Arguments and environment of KServe's init container.

    Args:
        words: ``URI PATH [URI PATH ...]``.
        environ: ``VERIFICATION_DIGEST`` (one model), and ``KPROV_VERIFICATION``: a JSON
            object of verification blocks by URI.

    Raises:
        LoadError: USAGE, LOAD_TARGET_INVALID, LOAD_CLAIM_INVALID; SETTING_INVALID for what
            the environment asks and no verified load can do.
    """
    pairs = list(zip(words[::2], parse_targets(words), strict=True))
    _refuse_what_changes_bytes(environ)
    blocks = _blocks(environ.get("KPROV_VERIFICATION", ""), {uri for uri, _ in pairs})
    pinned = environ.get("VERIFICATION_DIGEST", "")
    if pinned and len(pairs) > 1:
        raise _bad_claim(
            "one digest cannot say which of several models it is of",
            "VERIFICATION_DIGEST",
            f"{len(pairs)} models",
            remedy="say it for each URI in KPROV_VERIFICATION",
        )
    return tuple(
        ModelRequest(uri, target, _claims(uri, blocks.get(uri, _Verification()), pinned))
        for uri, target in pairs
    )


def _claims(uri: str, block: _Verification, pinned: str) -> Claims:
    digests = {}
    address = ADDRESS.fullmatch(without_credentials(uri))
    if address is not None:
        digests["the address"] = Digest(address[1])
    if block.digest is not None:
        digests["KPROV_VERIFICATION"] = _digest(block.digest, "KPROV_VERIFICATION")
    if pinned:
        digests["VERIFICATION_DIGEST"] = _digest(pinned, "VERIFICATION_DIGEST")
    signature = block.signature
    if (signature.identity is None) != (signature.issuer is None):
        raise _bad_claim(
            "an identity is only one together with its issuer",
            "KPROV_VERIFICATION",
            "one of identity and oidcIssuer",
            remedy="name both, or neither",
        )
    who = None
    if signature.identity is not None and signature.issuer is not None:
        who = Identity(signature.identity, signature.issuer)
    return Claims(digests, signature.bundle or "", who)


def _digest(text: str, where: str) -> Digest:
    if not _DIGEST.fullmatch(text):
        raise _bad_claim("this is not a digest", where, repr(text[:80]), remedy="correct it")
    return Digest(text.removeprefix("sha256:"))


def _blocks(text: str, uris: set[str]) -> Mapping[str, _Verification]:
    if not text:
        return {}
    try:
        if len(text) > _LIMIT:
            raise ValueError(f"more than {_LIMIT} characters")
        found = _BLOCKS.validate_json(text)
    except ValueError as error:
        reason = error.errors()[0]["msg"] if isinstance(error, ValidationError) else str(error)
        raise _bad_claim(
            "the verification blocks cannot be read",
            "KPROV_VERIFICATION",
            reason,
            remedy='write {"URI": {"digest": "sha256:...", "signature": {...}}}',
        ) from error
    unknown = sorted(set(found) - uris)
    if unknown:
        raise _bad_claim(
            "a verification block is about a model that is not to be loaded",
            "KPROV_VERIFICATION",
            without_credentials(unknown[0]),
            remedy="name the URI exactly as the arguments do",
        )
    return found


def _target(text: str) -> Path:
    path = PurePosixPath(text)
    if not path.is_absolute() or ".." in path.parts or "\0" in text or len(path.parts) == 1:
        raise LoadError(
            Code.LOAD_TARGET_INVALID,
            "a model is loaded into a directory of its own",
            where=text[:200],
            expected="an absolute path below /, without ..",
            found=repr(text[:200]),
            remedy="name the directory that the model server reads",
        )
    return Path(path)


def _refuse_overlap(targets: Sequence[Path]) -> None:
    for number, one in enumerate(targets):
        for other in targets[number + 1 :]:
            if one.is_relative_to(other) or other.is_relative_to(one):
                raise LoadError(
                    Code.LOAD_TARGET_INVALID,
                    "two models would share a directory",
                    where=str(other),
                    expected="a directory for each, none inside another",
                    found=str(one),
                    remedy="give each model a directory beside the others",
                )


def _refuse_what_changes_bytes(environ: Mapping[str, str]) -> None:
    """Settings of KServe's initializer that make other bytes of a model than were signed."""
    for name in ("STORAGE_ALLOW_PATTERNS", "STORAGE_IGNORE_PATTERNS", "CONFIDENTIAL_ENABLED"):
        value = environ.get(name, "").strip()
        if value and (name, value.lower()) != ("CONFIDENTIAL_ENABLED", "false"):
            raise LoadError(
                Code.SETTING_INVALID,
                "what is left out or decrypted on the way is not what was signed",
                where=name,
                expected="not set",
                found=value[:80],
                remedy="sign and publish the model as it is to be served",
            )


def _bad_claim(message: str, where: str, found: str, *, remedy: str) -> LoadError:
    return LoadError(
        Code.LOAD_CLAIM_INVALID, message, where=where, found=found[:200], remedy=remedy
    )
