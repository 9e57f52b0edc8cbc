"""Guided by coverage: atheris (libFuzzer) looks for the mutants that reach new code.

    PYTHONPATH=tests .venv-interop/bin/python -m fuzz.atheris_kinds KIND -runs=N -seed=N

Its own mutations, ours of bytes and of JSON, and those that know the kind of document take
turns. What is judged, and what must not be, is the same as without it.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path
from random import Random

import atheris

from fuzz.campaign import deadline, limited
from fuzz.kinds import Kind, every_kind
from fuzz.mutate import byte_level, json_level
from fuzz.mutate.json_tree import parse

_FOLLOWED = ["kfp_provenance", "sigstore_models", "yaml", "tomllib"]
"""Packages of which it is told which lines ran."""
FOLDER = Path("build/fuzz/atheris")
_SEEDS = 60


def target(kind: Kind) -> Callable[[bytes], None]:
    """Judges what libFuzzer made; it stops at what is raised."""

    def judge(data: bytes) -> None:
        with deadline():
            kind.judge(data)

    return judge


def mutator(kind: Kind) -> Callable[[bytes, int, int], bytes]:
    """Changes what libFuzzer found worth keeping."""

    def change(data: bytes, size: int, seed: int) -> bytes:
        random = Random(seed)  # noqa: S311
        way = random.randrange(4)
        if way == 0:
            return bytes(atheris.Mutate(data, size))
        if way == 1:
            made = kind.mutate(random)[1]
        elif way == 2:
            made = byte_level.mutate(random, data)
        else:
            made = _json(random, data)
        return made[:size]

    return change


def _json(random: Random, data: bytes) -> bytes:
    """One line of it as JSON, if it is that."""
    lines = data.split(b"\n")
    at = random.randrange(len(lines))
    try:
        lines[at] = json_level.mutate(random, parse(lines[at]))
    except (ValueError, RecursionError):
        return byte_level.mutate(random, data)
    return b"\n".join(lines)


def seeds(kind: Kind) -> Path:
    """A folder of documents to begin with."""
    folder = FOLDER / kind.name.replace("/", "_")
    folder.mkdir(parents=True, exist_ok=True)
    for number in range(_SEEDS):
        made = kind.mutate(Random(f"seed/{kind.name}/{number}"))[1]  # noqa: S311
        (folder / f"seed-{number:02d}").write_bytes(made)
    return folder


def main() -> None:
    """Fuzz one kind; libFuzzer ends the process."""
    name, *flags = sys.argv[1:]
    with atheris.instrument_imports(include=_FOLLOWED, enable_loader_override=False):
        kind = every_kind()[name]
        for number in range(_SEEDS):  # some modules are imported only where they are used
            kind.judge(kind.mutate(Random(f"seed/{kind.name}/{number}"))[1])  # noqa: S311
    limited()
    prefix = f"-artifact_prefix=build/fuzz/{kind.name.replace('/', '_')}-atheris-"
    arguments = [sys.argv[0], str(seeds(kind)), prefix, "-max_len=262144", *flags]
    atheris.Setup(arguments, target(kind), custom_mutator=mutator(kind))
    atheris.Fuzz()


if __name__ == "__main__":
    main()
