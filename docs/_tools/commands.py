"""Commands that the documents name: help texts are generated, all others must exist."""

from __future__ import annotations

import os
import re
import shlex
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

from cli_pages import children, flags, program

_BLOCK = re.compile(r"^```(?:console|sh|bash|shell)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
_INDENTED = re.compile(r"^ {4}(?:\$ )?((?:\S*/)?(?:kprov|make) .*)$", re.MULTILINE)
_HELP = re.compile(r"(^```console\n\$ (kprov[\w -]* --help)\n).*?(^```$)", re.MULTILINE | re.DOTALL)
_GENERATED = ("docs/reference/cli.md", "docs/reference/codes.md", "docs/reference/components.md")


def _documents(root: Path) -> list[Path]:
    pages = [*root.glob("*.md"), *(root / "docs").rglob("*.md")]
    return sorted(path for path in pages if str(path.relative_to(root)) not in _GENERATED)


def _help_text(command: str) -> str:
    kprov = Path(sys.executable).parent / "kprov"
    environment = {**os.environ, "COLUMNS": "100", "TERM": "dumb", "NO_COLOR": "1"}
    done = subprocess.run(
        [kprov, *shlex.split(command)[1:]],
        env=environment, check=True, capture_output=True, text=True,
    )  # fmt: skip
    return "\n".join(line.rstrip() for line in done.stdout.strip("\n").splitlines()) + "\n"


def make(root: Path) -> dict[Path, str]:
    """Every document with ``$ kprov ... --help`` in it, with what the program prints below that."""
    files = {}
    for path in _documents(root):
        text = path.read_text(encoding="utf-8")
        if _HELP.search(text):
            files[path] = _HELP.sub(lambda found: found[1] + _help_text(found[2]) + found[3], text)
    return files


def _command_lines(text: str) -> Iterator[list[str]]:
    """Words of each command in the fenced blocks; a block with prompts holds output as well."""
    for block in [*_BLOCK.findall(text), *_INDENTED.findall(text)]:
        lines = block.replace("\\\n", " ").splitlines()
        prompted = [line[2:] for line in lines if line.startswith("$ ")]
        for line in prompted or lines:
            for part in re.split(r"&&|\|\|?|;", line):
                try:
                    yield shlex.split(part, comments=True)
                except ValueError:
                    continue


def _kprov_problem(words: list[str]) -> str:
    """Why the program would not take these words; empty if it would take their names."""
    command = program()
    for word in words:
        below = children(command)
        if below and not word.startswith("-"):
            if word not in below:
                return f"no command {word!r}"
            command = below[word]
    known = {*flags(command), "--help", "-h"}
    given = [word.partition("=")[0] for word in words if re.match(r"--?[a-z]", word)]
    return next((f"no option {flag!r}" for flag in given if flag not in known), "")


def problems(root: Path) -> list[str]:
    """Commands in the documents that do not exist."""
    targets = set(re.findall(r"^([a-z]+):", (root / "Makefile").read_text("utf-8"), re.MULTILINE))
    found = []
    for path in _documents(root):
        for words in _command_lines(path.read_text(encoding="utf-8")):
            problem = ""
            if words and Path(words[0]).name == "kprov":
                problem = _kprov_problem(words[1:])
            elif words and words[0] == "make":
                unknown = [word for word in words[1:] if word.isalpha() and word not in targets]
                problem = f"no target {unknown[0]!r}" if unknown else ""
            if problem:
                found.append(f"{path.relative_to(root)}: {shlex.join(words)}: {problem}")
    return found
