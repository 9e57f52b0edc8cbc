"""One family of errors, each with a stable code and a remedy.

Every error of the package is a :class:`ProvenanceError`. It says what happened,
where, what was expected, what was found and what to do about it. The subclasses
name the part that failed, so that a caller can catch one part only.
"""

from __future__ import annotations

from kfp_provenance.codes import Code, ExitCode, exit_code


class ProvenanceError(Exception):
    """Base of every error that this package raises on purpose.

    Args:
        code: The stable code.
        message: What happened, in one sentence, without secrets.
        where: The file, step, URI or setting that it happened at.
        expected: What should have been there.
        found: What was there.
        remedy: What the reader can do about it, in one sentence.
    """

    def __init__(
        self,
        code: Code,
        message: str,
        *,
        where: str = "",
        expected: str = "",
        found: str = "",
        remedy: str = "",
    ) -> None:
        super().__init__(message)
        self.code = code
        self.message = message
        self.where = where
        self.expected = expected
        self.found = found
        self.remedy = remedy

    @property
    def exit_code(self) -> ExitCode:
        """Exit code of ``kprov`` for this error."""
        return exit_code(self.code)

    def diagnostics(self) -> str:
        """All that is known, a line each, for people."""
        lines = [f"{self.code}: {self.message}"]
        for label, value in (
            ("where", self.where),
            ("expected", self.expected),
            ("found", self.found),
            ("remedy", self.remedy),
        ):
            if value:
                lines.append(f"  {label + ':':<10}{value}")
        return "\n".join(lines)

    def to_json(self) -> dict[str, str]:
        """The same for machines."""
        return {
            "code": str(self.code),
            "message": self.message,
            "where": self.where,
            "expected": self.expected,
            "found": self.found,
            "remedy": self.remedy,
        }

    def __str__(self) -> str:
        return self.diagnostics()


class SettingsError(ProvenanceError):
    """A flag, an environment variable or a settings file is not usable."""


class ArtifactError(ProvenanceError):
    """Bytes that cannot be an artifact, or could not be hashed."""


class AuthoringError(ProvenanceError):
    """A component or a pipeline cannot be tracked, compiled or run."""


class TaskError(ProvenanceError):
    """A tracked task must not go on."""


class StoreError(ProvenanceError):
    """The metadata store refused, or cannot be reached."""


class StorageError(ProvenanceError):
    """An object in a file system or a bucket cannot be read or written."""


class DataError(ProvenanceError):
    """Data, a model or a metric is not what was declared."""


class SigningError(ProvenanceError):
    """A key or a signature could not be made or read."""


class BundleError(ProvenanceError):
    """A provenance bundle cannot be read."""


class TrustError(ProvenanceError):
    """A trust policy cannot be read."""


class GateError(ProvenanceError):
    """The gate cannot decide: its policy, or what it needs, is not to be had."""


class ChainError(ProvenanceError):
    """A chain that must not be signed. Carries the findings in its message."""


class LoadError(ProvenanceError):
    """A model must not be served, or cannot be put in place."""


class AuditError(ProvenanceError):
    """A decision could not be recorded, or the audit trail cannot be read."""
