"""The Python environment of a step."""

from __future__ import annotations

import os
import platform
import re
import sys
import sysconfig
from collections.abc import Iterable

from kfp_provenance.facts import Digest, Environment

_INSTALLED = re.compile(
    r"(?P<name>[^-]+)-(?P<version>[^-]+)(?:-py[0-9.]+)?\.(?:dist-info|egg-info)", re.ASCII
)


def current_environment() -> Environment:
    """Interpreter, platform and every installed distribution, sorted.

    Name and version are those in the names of the ``.dist-info`` folders: to read their
    metadata as ``importlib.metadata`` does takes twenty times as long.
    """
    packages = tuple(sorted({line for folder in sys.path for line in _installed_in(folder)}))
    python = " ".join(
        (platform.python_implementation(), platform.python_version(), sysconfig.get_platform())
    )
    return Environment(environment_digest(python, packages), python, packages)


def environment_digest(python: str, packages: Iterable[str]) -> Digest:
    """SHA-256 of the interpreter's line and the packages' lines, each ended by a newline."""
    listing = "".join(f"{line}\n" for line in (python, *packages))
    return Digest.of(listing.encode())


def _installed_in(folder: str) -> list[str]:
    try:
        found = map(_INSTALLED.fullmatch, os.listdir(folder or "."))  # noqa: PTH208 - many, fast
    except OSError:
        return []  # archives and folders that do not exist may stand on the path
    return [f"{_normalized(match['name'])}=={match['version']}" for match in found if match]


def _normalized(name: str) -> str:
    return re.sub(r"[_.]+", "-", name.lower())
