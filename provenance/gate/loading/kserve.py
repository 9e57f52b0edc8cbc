"""KServe's own downloader, below the verification, in a process of its own.

It serves what our storages do not (``s3:``, ``hf:``, Azure, ...). Its process gets the URI
through a pipe, for the command line of a process is readable by all, and ends with this one.
"""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path

from kfp_provenance.codes import Code
from kfp_provenance.errors import LoadError
from kfp_provenance.gate.loading.request import ModelRequest
from kfp_provenance.storage import scheme_of, without_credentials

_LONGEST_ANSWER = 64 * 1024
_CHILD = "kfp_provenance.gate.loading.kserve_child"
_BOOKS = {"hf": (".cache/huggingface",), "modelscope": ("._____temp",)}
"""What the clients of the hubs keep about a download, in its folder: not of the model."""


def fetch_with_kserve(model: ModelRequest, staging: Path, root: Path, limit: int) -> None:
    """Download with ``kserve_storage``, without unpacking.

    Args:
        model: What to download.
        staging: Folder for its caches.
        root: Empty directory that the files go to.
        limit: Most bytes of one file.

    Raises:
        LoadError: DEPENDENCY_MISSING; LOAD_DOWNLOAD_FAILED.
    """
    if find_spec("kserve_storage") is None:
        raise LoadError(
            Code.DEPENDENCY_MISSING,
            f"models of {scheme_of(model.uri)}: are fetched by KServe's downloader",
            where=model.name,
            expected="kserve-storage",
            found="not installed",
            remedy="pip install 'kfp-provenance[load]', or use the initializer image",
        )
    scratch = staging / "scratch"
    scratch.mkdir(0o700)
    error = _run(model.uri, root, limit, scratch)
    shutil.rmtree(scratch)
    if error:
        raise LoadError(
            Code.LOAD_DOWNLOAD_FAILED,
            "KServe's downloader did not get the model",
            where=model.name,
            found=_without_secrets(error, model.uri),
            remedy="check the URI, the credentials of the service account and the network",
        )
    _remove_books(model.uri, root)


def _run(uri: str, root: Path, limit: int, scratch: Path) -> str:
    """What went wrong; empty if nothing did."""
    descriptor = int(root.parts[4])  # /proc/self/fd/N/...: the child has it open too
    environment = os.environ | {
        "HF_HUB_DISABLE_PROGRESS_BARS": "1",
        "HF_HUB_DISABLE_TELEMETRY": "1",
        "PYTHONDONTWRITEBYTECODE": "1",
        "TMPDIR": str(scratch),
    }
    caches = [
        environment.setdefault(name, str(scratch / name.lower()))
        for name in ("HF_HOME", "MODELSCOPE_CACHE")
    ]
    with subprocess.Popen(
        [sys.executable, "-m", _CHILD],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        env=environment,
        pass_fds=(descriptor,),
        start_new_session=True,
    ) as child:
        assert child.stdin is not None and child.stdout is not None  # noqa: S101, PT018
        question = {
            "uri": uri,
            "directory": str(root),
            "scratch": [str(scratch), *caches],
            "limit": limit,
        }
        try:
            child.stdin.write(json.dumps(question).encode() + b"\n")
            child.stdin.flush()  # and stays open: its end tells the child that we are gone
            answer = child.stdout.read(_LONGEST_ANSWER)
        except BrokenPipeError:
            answer = b""
        finally:
            _end(child)
    return _error_in(answer)


def _end(child: subprocess.Popen[bytes]) -> None:
    """With the processes that it started: its session is its own."""
    try:
        os.killpg(child.pid, signal.SIGKILL)
    except ProcessLookupError:
        return


def _error_in(answer: bytes) -> str:
    try:
        said = json.loads(answer)
    except ValueError:
        return "the downloader ended without an answer"
    if said == {"done": True}:
        return ""
    return str(said.get("error", "no reason")) if isinstance(said, dict) else "no reason"


def _without_secrets(text: str, uri: str) -> str:
    """What the downloader said; of a URI that holds a secret, only which error it was."""
    if without_credentials(uri) != uri:
        text = text.partition(":")[0]
    return ascii(text[:500])[1:-1]


def _remove_books(uri: str, root: Path) -> None:
    for name in _BOOKS.get(scheme_of(uri), ()):
        folder = root / name
        if folder.is_dir() and not folder.is_symlink():
            shutil.rmtree(folder)
            if folder.parent != root and not any(folder.parent.iterdir()):
                folder.parent.rmdir()
    git = root / ".git"
    if scheme_of(uri) == "https" and git.is_dir() and not git.is_symlink():
        shutil.rmtree(git)
