"""The real servers and clients that ``make tools`` builds with the Go toolchain."""

from __future__ import annotations

import re
from pathlib import Path

from support.interop import absent

_TOP = Path(__file__).resolve().parents[2]
_SOURCES = _TOP / "tests" / "interop" / "tools"
_MODULE = re.compile(r"\A// Version of: (\S+)")


def version(name: str) -> str:
    """Of the module that the first line of ``go.mod`` names, as ``.ci/tools`` reads it."""
    text = (_SOURCES / name / "go.mod").read_text("utf-8")
    module = _MODULE.match(text)
    assert module, f"{name}/go.mod does not say which version it is of"
    found = re.search(rf"^\s*(?:require )?{re.escape(module[1])} v(\S+)", text, re.MULTILINE)
    assert found, f"{name}/go.mod does not require {module[1]}"
    return found[1]


def program(name: str) -> Path:
    """The program ``tests/interop/tools/<name>``; skip (or fail) the test if it is not built."""
    path = _TOP / "build" / "tools" / f"{name}-{version(name)}" / name
    if not path.is_file():
        absent(f"{name} {version(name)} is not built (make tools, which needs Go)")
    return path
