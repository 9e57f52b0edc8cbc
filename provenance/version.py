"""Version of the installed distribution."""

from __future__ import annotations

from functools import cache
from importlib.metadata import PackageNotFoundError, version


@cache
def distribution_version() -> str:
    """Version of ``kfp-provenance``; ``0+unknown`` if it runs without being installed."""
    try:
        return version("kfp-provenance")
    except PackageNotFoundError:
        return "0+unknown"
