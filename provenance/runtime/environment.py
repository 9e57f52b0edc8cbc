"""The Python environment of a step."""

from __future__ import annotations

import hashlib
import platform
import sys
import sysconfig
from importlib import metadata

from kfp_provenance.facts import Digest, Environment


def current_environment() -> Environment:
    """Interpreter, platform and every installed distribution, sorted.

    The digest is the SHA-256 of the interpreter line and the ``name==version`` lines,
    each ended by a newline.
    """
    found = {
        f"{_normalized(name)}=={distribution.version}"
        for distribution in metadata.distributions()
        if (name := distribution.metadata["Name"])
    }
    packages = tuple(sorted(found))
    python = " ".join(
        (platform.python_implementation(), platform.python_version(), sysconfig.get_platform())
    )
    listing = "".join(f"{line}\n" for line in (python, *packages))
    digest = Digest(hashlib.sha256(listing.encode()).hexdigest())
    return Environment(digest, python, packages)


def _normalized(name: str) -> str:
    return sys.intern(name.lower().replace("_", "-").replace(".", "-"))
