"""Roots: inputs of a chain that no step of it produced."""

from __future__ import annotations

import re
from dataclasses import dataclass
from enum import StrEnum
from typing import Self

from kfp_provenance.codes import Code
from kfp_provenance.errors import SettingsError
from kfp_provenance.facts import Artifact, Digest

_URI = re.compile(r"(?:[a-z][a-z0-9+.\-]*:)?/\S+", re.IGNORECASE)


class DeclaredBy(StrEnum):
    """Who said that an input comes from outside."""

    STEP = "step"
    """The step that read it declared it as a source."""
    SIGNER = "signer"
    """Whoever signs declared it; KFP handed it over without a digest."""


@dataclass(frozen=True)
class Root:
    """A declaration: this digest, or whatever is at this URI, may come from outside.

    Attributes:
        digest: Accepted digest; None if a URI is declared.
        uri: Accepted URI, compared exactly; empty if a digest is declared.
    """

    digest: Digest | None = None
    uri: str = ""

    @classmethod
    def parse(cls, text: str) -> Self:
        """Read ``sha256:<hex>`` or an exact URI; there are no patterns.

        Raises:
            SettingsError: SETTING_INVALID for anything else.
            ArtifactError: DIGEST_INVALID for a damaged digest.
        """
        if text.startswith("sha256:"):
            return cls(digest=Digest.parse(text))
        if _URI.fullmatch(text):
            return cls(uri=text)
        raise SettingsError(
            Code.SETTING_INVALID,
            "a root is a digest or an exact URI",
            expected="sha256:<64 hex digits>, or a URI such as gs://bucket/raw.csv",
            found=repr(text[:200]),
            remedy="declare the digest that `kprov digest PATH` prints",
        )

    def covers(self, artifact: Artifact) -> bool:
        """Whether ``artifact`` is what was declared."""
        if self.digest is not None:
            return artifact.digest == self.digest
        return artifact.uri == self.uri

    def __str__(self) -> str:
        return str(self.digest) if self.digest is not None else self.uri


@dataclass(frozen=True)
class RootUse:
    """An input of a step that the chain starts from.

    Attributes:
        step: Id of the step that read it.
        input: Name of the input, with ``index``.
        index: Position in that input.
        digest: What the step read.
        uri: Where it read it.
        declared_by: Who said that it comes from outside.
    """

    step: str
    input: str
    index: int
    digest: Digest
    uri: str
    declared_by: DeclaredBy
