"""Refusals of the loader: with all findings, and from the operating system."""

from __future__ import annotations

import errno
from collections.abc import Sequence

from kfp_provenance.codes import Code
from kfp_provenance.errors import LoadError
from kfp_provenance.facts import Finding

_FULL = frozenset({errno.ENOSPC, errno.EDQUOT, errno.EFBIG})


class RefusedError(LoadError):
    """Models that the gate refuses; its fields are those of the first finding.

    Attributes:
        findings: All of them.
    """

    findings: tuple[Finding, ...] = ()


def refused(findings: Sequence[Finding]) -> RefusedError:
    """A refusal for at least one finding."""
    first = findings[0]
    error = RefusedError(
        first.code,
        f"the models are not loaded: {first.message}",
        where=", ".join(part for part in (first.step, first.artifact) if part),
        expected=first.expected,
        found=first.found,
        remedy=first.remedy,
    )
    error.findings = tuple(findings)
    return error


def not_writable(error: OSError, where: str) -> LoadError:
    """What an operating system error at the path ``where`` means for a target."""
    reason = error.strerror or type(error).__name__
    if error.errno in _FULL:
        return LoadError(
            Code.LOAD_TARGET_FULL,
            f"the model does not fit: {reason}",
            where=where,
            remedy="give the volume more space (emptyDir sizeLimit, ephemeral storage)",
        )
    return LoadError(
        Code.LOAD_TARGET_UNWRITABLE,
        f"the target cannot be prepared: {reason}",
        where=where,
        remedy="give this user the right to write there, and nothing else a mount inside",
    )


def target_changed(where: str, message: str, *, expected: str = "", found: str = "") -> LoadError:
    """Somebody else wrote where the loader works."""
    return LoadError(
        Code.LOAD_TARGET_CHANGED,
        message,
        where=where,
        expected=expected,
        found=found,
        remedy="let nothing else write to the volume before the model server starts",
    )
