"""The Python environment of a step, against what importlib.metadata says."""

from __future__ import annotations

import hashlib
import re
import sys
from importlib import metadata
from pathlib import Path

import pytest

from kfp_provenance.runtime.environment import current_environment


def test_every_distribution_is_listed() -> None:
    environment = current_environment()
    expected = {
        (re.sub(r"[-_.]+", "-", found.metadata["Name"].lower()), found.version)
        for found in metadata.distributions()
    }
    listed = {tuple(package.split("==")) for package in environment.packages}
    # a local version is written with _ instead of + in some folders' names
    assert {(n, v.replace("+", "_")) for n, v in listed} >= {
        (n, v.replace("+", "_")) for n, v in expected
    }
    assert environment.packages == tuple(sorted(environment.packages))
    assert environment.python.startswith(f"CPython {sys.version.split()[0]} ")


def test_digest_is_that_of_the_lines() -> None:
    environment = current_environment()
    lines = "".join(f"{line}\n" for line in (environment.python, *environment.packages))
    assert environment.digest.hex == hashlib.sha256(lines.encode()).hexdigest()


def test_another_package_is_another_environment(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = current_environment()
    for name in (
        "Some_Package.X-1.0.dist-info", "old-2.1-py3.11.egg-info", "not-a-package", "x.egg-info",
    ):  # fmt: skip
        (tmp_path / name).mkdir()
    monkeypatch.setattr(sys, "path", [str(tmp_path), "/nonexistent", *sys.path])
    after = current_environment()
    assert after.digest != before.digest
    assert set(after.packages) - set(before.packages) == {"some-package-x==1.0", "old==2.1"}
