"""Lock files fit pyproject.toml and the .in files, and pyproject.toml fits the imports.

A lock file is pinned, hashed and without addresses.
"""

from __future__ import annotations

import ast
import re
import sys
import tomllib
from collections.abc import Iterator
from importlib.metadata import packages_distributions
from pathlib import Path

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

ROOT = Path(__file__).resolve().parents[1]
REQUIREMENTS = ROOT / "requirements"
# lock file: (extras of pyproject.toml or None, .in files)
LOCKS: dict[str, tuple[tuple[str, ...] | None, tuple[str, ...]]] = {
    "runtime.txt": (("mlmd",), ()),
    "build.txt": (None, ("build.in",)),
    "dev.txt": (("mlmd", "demo", "vault", "in-toto", "oms", "ui"), ("dev.in",)),
    "interop.txt": (
        ("mlmd", "demo", "vault", "in-toto", "oms", "ui", "awskms", "azurekms"),
        ("interop.in",),
    ),
    "gcpkms-nodeps.txt": (None, ("gcpkms-nodeps.in",)),
    "kfp217.txt": ((), ("kfp217.in",)),
    "kserve-nodeps.txt": (None, ("kserve-nodeps.in",)),
    "load.txt": (("load",), ()),
    "load-test.txt": (("load",), ("load-test.in",)),
    "mlmd-nodeps.txt": (None, ("mlmd-nodeps.in",)),
    "uv.txt": (None, ("uv.in",)),
}
EXTRAS = ("load", "mlmd", "demo", "vault", "in-toto", "oms", "ui", "awskms", "azurekms", "gcpkms")
PYTHONS = ("3.11", "3.12", "3.13")
_HASH = re.compile(r"--hash=sha256:[0-9a-f]{64}")


def _entries(text: str) -> Iterator[str]:
    """Logical lines without comments."""
    joined = text.replace("\\\n", " ")
    lines = (line.partition(" #")[0].strip() for line in joined.splitlines())
    yield from (line for line in lines if line and not line.startswith("#"))


def _wanted(extras: tuple[str, ...] | None, inputs: tuple[str, ...]) -> Iterator[Requirement]:
    if extras is not None:
        project = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]
        texts = list(project["dependencies"])
        for extra in extras:
            texts += project["optional-dependencies"][extra]
        yield from map(Requirement, texts)
    for name in inputs:
        for line in _entries((REQUIREMENTS / name).read_text("utf-8")):
            if line.startswith("-r "):
                yield from _wanted(None, (line.removeprefix("-r ").strip(),))
            else:
                yield Requirement(line)


def _locked(name: str) -> tuple[list[Requirement], list[str]]:
    """Pins of a lock file, and what is wrong with its form."""
    pins, problems = [], []
    for entry in _entries((REQUIREMENTS / name).read_text("utf-8")):
        text, *rest = re.split(r"\s(?=--)", entry)
        if text.startswith("-") or "://" in entry:
            problems.append(f"requirements/{name}: not a pin: {entry[:80]}")
            continue
        pin = Requirement(text)
        operators = [specifier.operator for specifier in pin.specifier]
        if operators != ["=="] or not rest or not all(map(_HASH.fullmatch, map(str.strip, rest))):
            problems.append(f"requirements/{name}: {pin.name} is not pinned with sha256 hashes")
        pins.append(pin)
    return pins, problems


def _applies(requirement: Requirement, python: str) -> bool:
    environment = {"python_version": python, "python_full_version": f"{python}.0"}
    return requirement.marker is None or requirement.marker.evaluate(environment)


def check(name: str) -> Iterator[str]:
    """What is wrong with one lock file."""
    pins, problems = _locked(name)
    yield from problems
    for wanted in _wanted(*LOCKS[name]):
        for python in PYTHONS:
            if not _applies(wanted, python):
                continue
            versions = [
                next(iter(pin.specifier)).version
                for pin in pins
                if canonicalize_name(pin.name) == canonicalize_name(wanted.name)
                and _applies(pin, python)
            ]
            if len(versions) != 1 or not wanted.specifier.contains(versions[0], prereleases=True):
                there = ", ".join(versions) or "nothing"
                yield f"requirements/{name}: {wanted} (Python {python}): found {there}"
                break


def undeclared() -> Iterator[str]:
    """Imports of the package whose distribution pyproject.toml does not name."""
    declared = {canonicalize_name(wanted.name) for wanted in _wanted(EXTRAS, ())}
    declared |= {canonicalize_name("kfp-provenance")}
    distributions = packages_distributions()
    for folder in ("provenance", "components", "pipelines"):
        for file in sorted((ROOT / folder).rglob("*.py")):
            for name in _imports(file) - sys.stdlib_module_names:
                owners = {canonicalize_name(owner) for owner in distributions.get(name, ())}
                if not owners:  # of an extra that this environment has not
                    alike = canonicalize_name(name)
                    owners = {d for d in declared if d == alike or d.startswith(f"{alike}-")}
                if not owners & declared:
                    known = ", ".join(sorted(owners)) or "unknown here"
                    where = file.relative_to(ROOT)
                    yield f"{where}: imports {name} ({known}): not in pyproject.toml"


def _imports(file: Path) -> set[str]:
    """First parts of the names of all modules that a file imports."""
    found = set()
    for node in ast.walk(ast.parse(file.read_text("utf-8"))):
        match node:
            case ast.Import(names=names):
                found |= {alias.name.partition(".")[0] for alias in names}
            case ast.ImportFrom(module=str(module), level=0):
                found.add(module.partition(".")[0])
    return found


def main() -> int:
    """Exit code of the program."""
    there = {path.name for path in REQUIREMENTS.glob("*.txt")}
    found = [f"requirements/{name}: unknown lock file" for name in sorted(there - set(LOCKS))]
    found += [problem for name in LOCKS for problem in check(name)]
    if found:
        found.append("remedy: make requirements")
    found += undeclared()
    print(*found, sep="\n", end="\n" if found else "")
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
