"""``kprov`` as a process of its own, with nothing of the user's around it."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from support.interop import absent
from support.processes import isolated

_DEADLINE = 300.0


@dataclass(frozen=True)
class Said:
    """How the program ended, and its words."""

    exit_code: int
    output: str
    errors: str

    @property
    def json(self) -> Any:
        """What ``--json`` printed."""
        return json.loads(self.output)

    @property
    def codes(self) -> set[str]:
        """Codes of the error or of the findings that ``--json`` printed."""
        said = self.json
        return {
            found["code"] for found in ([said["error"]] if "error" in said else said["findings"])
        }


@dataclass(frozen=True)
class CommandLine:
    """Runs ``kprov`` in an empty home, which is also where it stands.

    Attributes:
        home: Its home and working directory; caches and trust stores are below it.
        before: A program that starts it, with its arguments.
        variables: Added to the environment.
    """

    home: Path
    before: tuple[str, ...] = ()
    variables: Mapping[str, str] = field(default_factory=dict)

    def __call__(self, *arguments: object) -> Said:
        """Run it to its end; it never shows a traceback."""
        command = [*self.before, sys.executable, "-m", "kfp_provenance", *map(str, arguments)]
        environment = isolated(self.home, **self.variables)
        done = subprocess.run(
            command,
            cwd=self.home,
            env=environment,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=_DEADLINE,
            check=False,
        )
        assert "Traceback" not in done.stderr, done.stderr
        return Said(done.returncode, done.stdout, done.stderr)

    def succeed(self, *arguments: object) -> Said:
        """Run it; it must succeed."""
        said = self(*arguments)
        assert said.exit_code == 0, said.output + said.errors
        return said


def debian_program(name: str) -> str:
    """Path of a program that ``.ci/debian`` installs; skip (or fail) the test without it."""
    path = shutil.which(name) or shutil.which(name, path="/usr/sbin")
    if path is None:
        absent(f"{name} is not installed (.ci/debian {name})")
    return path


def without_network() -> tuple[str, ...]:
    """What starts a program that has no network, not even loopback; or skip (or fail) the test."""
    command = (debian_program("unshare"), "--net", "--map-root-user")
    if subprocess.run([*command, "true"], capture_output=True, check=False).returncode != 0:
        absent("this user may not start a process without a network (unshare --net)")
    return command


@pytest.fixture
def kprov(tmp_path: Path) -> CommandLine:
    return CommandLine(tmp_path / "home")
