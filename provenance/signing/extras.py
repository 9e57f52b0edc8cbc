"""Libraries that only some signers need."""

from __future__ import annotations

from importlib import import_module

from kfp_provenance.codes import Code
from kfp_provenance.errors import SettingsError


def require(module: str, extra: str) -> None:
    """See that a library is there before it is used.

    Args:
        module: What is imported.
        extra: The extra of this package that installs it.

    Raises:
        SettingsError: DEPENDENCY_MISSING.
    """
    try:
        import_module(module)
    except ImportError as error:
        raise SettingsError(
            Code.DEPENDENCY_MISSING,
            f"this signer needs a library that is not installed: {module}",
            found=str(error),
            remedy=f"pip install 'kfp-provenance[{extra}]'",
        ) from error
