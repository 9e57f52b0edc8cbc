"""Names that layouts and links agree on.

In a link a product is ``<task>/<output>``; a material is ``input/<input>/<task>/<output>``
if a step made it, ``source/<name>`` if the step read it from outside the pipeline, and
``root/<input>`` if KFP handed it over without a digest. A material has the name of its input,
so that training and test data cannot change places.
"""

from __future__ import annotations

import re
from glob import escape

from kfp_provenance.facts import Artifact, ArtifactKind

EVERYTHING = "*"
SOURCES = "source/*"

_STEP = re.compile(r"[^/\x00-\x1f\x7f]{1,200}")


def step_name(task: str) -> str:
    """Name of the step of a task: a cluster records the last part of its path alone."""
    return task.rpartition("/")[2]


def usable_step_name(name: str) -> bool:
    """Whether a link can have a file of this name in any folder."""
    return bool(_STEP.fullmatch(name)) and not name.startswith(".")


def product(step: str, output: str) -> str:
    """Name of an output."""
    return f"{step}/{output}"


def input_folder(name: str) -> str:
    """What stands before the name of a product where it is the input ``name``."""
    return f"input/{name}"


def material(name: str, step: str, output: str) -> str:
    """Name of an input that a step made."""
    return f"{input_folder(name)}/{product(step, output)}"


def source(name: str) -> str:
    """Name of what a step read from outside the pipeline."""
    return f"source/{name}"


def root(name: str) -> str:
    """Name of an input that arrived without a digest."""
    return f"root/{name}"


def pattern(name: str) -> str:
    """The pattern that matches ``name`` alone: to in-toto, ``data[1]`` would mean data1."""
    return escape(name)


def digest_set(artifact: Artifact) -> dict[str, str]:
    """Digest of an artifact as in-toto writes it: a listing is not the file of its text."""
    algorithm = "dirHash" if artifact.kind is ArtifactKind.DIRECTORY else "sha256"
    return {algorithm: artifact.digest.hex}
