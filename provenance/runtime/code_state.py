"""State of the author's git repository."""

from __future__ import annotations

import json
import re
import subprocess
from collections.abc import Mapping
from pathlib import Path

from kfp_provenance.codes import Code
from kfp_provenance.errors import TaskError
from kfp_provenance.facts import CodeState

VARIABLE = "KPROV_CODE"
"""Environment variable that carries the state to the task: JSON, or ``none``."""

_COMMIT = re.compile(r"[0-9a-f]{40}(?:[0-9a-f]{24})?")
_TIMEOUT_SECONDS = 10


class CodeProbe:
    """Asks git in the background, so that a task can start meanwhile."""

    def __init__(self, directory: Path) -> None:
        self._directory = directory
        self._status = self._start(
            "status", "--porcelain=v2", "--branch", "--untracked-files=no", "--ignore-submodules"
        )
        self._untracked = self._start(
            "ls-files", "--others", "--exclude-standard", "--", ":(top)*.py", ":(top)*.ipynb"
        )
        self._remote = self._start("config", "--get", "remote.origin.url")

    def _start(self, *arguments: str) -> subprocess.Popen[str] | None:
        try:
            return subprocess.Popen(
                ["git", "-C", str(self._directory), *arguments],  # noqa: S607 - the user's git
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=subprocess.DEVNULL,
                text=True,
                errors="replace",
            )
        except OSError:
            return None  # no git on this machine: the state is not known

    def result(self) -> CodeState | None:
        """The state, or None outside a repository, before its first commit, or without git."""
        status, remote = _output(self._status), _output(self._remote)
        untracked = _output(self._untracked)
        match = re.search(r"^# branch\.oid ([0-9a-f]+)$", status, re.MULTILINE)
        if match is None or not _COMMIT.fullmatch(match[1]):
            return None
        changed = any(line and not line.startswith("#") for line in status.splitlines())
        dirty = changed or bool(untracked)  # the commit lacks a program that git was not given
        return CodeState(match[1], dirty, _without_credentials(remote.strip()))


def code_state(directory: Path) -> CodeState | None:
    """State of the repository that holds ``directory``."""
    return CodeProbe(directory).result()


def to_variable(state: CodeState | None) -> str:
    """Value of :data:`VARIABLE` for ``state``."""
    if state is None:
        return "none"
    fields = {"commit": state.commit, "dirty": state.dirty, "repository": state.repository}
    return json.dumps(fields, sort_keys=True, separators=(",", ":"))


def from_variable(text: str) -> CodeState | None:
    """Read what :func:`to_variable` wrote.

    Raises:
        TaskError: TRACKING_CONFIG_INVALID if it is anything else.
    """
    if text == "none":
        return None
    try:
        fields: Mapping[str, object] = json.loads(text)
        commit, dirty, repository = fields["commit"], fields["dirty"], fields["repository"]
        if not (isinstance(commit, str) and _COMMIT.fullmatch(commit)):
            raise ValueError("the commit is not a git object id")
        if not (isinstance(dirty, bool) and isinstance(repository, str)):
            raise TypeError("a field has another type")
    except (ValueError, TypeError, KeyError) as error:
        raise TaskError(
            Code.TRACKING_CONFIG_INVALID,
            f"the state of the code cannot be read: {error}",
            where=VARIABLE,
            remedy="compile the pipeline again, or set it to `none`",
        ) from error
    return CodeState(commit, dirty, repository)


def _output(process: subprocess.Popen[str] | None) -> str:
    if process is None:
        return ""
    try:
        text, _ = process.communicate(timeout=_TIMEOUT_SECONDS)
    except subprocess.TimeoutExpired:
        process.kill()
        process.communicate()
        return ""
    return text if process.returncode == 0 else ""


def _without_credentials(url: str) -> str:
    return re.sub(r"^([a-z][a-z0-9+.\-]*://)[^/]*@", r"\1", url)
