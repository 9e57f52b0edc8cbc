"""Rules of the house that no linter knows: length of files, addresses, machine paths.

Looks at every file that git has or would add.
"""

from __future__ import annotations

import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
SOFT, HARD = 300, 350  # lines of a Python file

_REGISTRIES = "pypi|pythonhosted|npmjs|crates|golang|maven|debian|conda|anaconda"
FORBIDDEN = {
    "a package registry": re.compile(rf"\b(?:{_REGISTRIES})\.(?:org|com|io)\b"),
    "a download address": re.compile(  # `.example` names no real host
        r"https?://(?![\w.]*\.example\b)\S*(?:/simple\b|\.(?:whl|tgz|tar\.gz|deb)\b)"
    ),
    "a path of somebody's machine": re.compile(
        r"(?:^|[\s\"'=(:`])/(?:work|root|farm|home/(?!user/))[/\w]"
    ),
    "a link to an index": re.compile(r"^\s*--(?:index-url|extra-index-url|find-links)\b"),
}
# Go modules have such names; they say nothing of where a module is got from.
GO_MODULE = re.compile(r"(?<![\w.])(?:google\.)?golang\.org/(?=[a-z])")
GO_SUFFIXES = {".go", ".mod", ".sum"}
# A file that must name one of them says so in a line of its own.
EXCUSE = "check_tree: allow"


def files() -> list[Path]:
    """Every file that belongs to the repository."""
    command = ["git", "-C", str(ROOT), "ls-files", "-z", "-co", "--exclude-standard"]
    names = subprocess.run(command, check=True, capture_output=True, text=True).stdout
    paths = (ROOT / name for name in names.split("\0") if name)
    return [path for path in paths if path.is_file()]


def problems(path: Path) -> Iterator[str]:
    """What is wrong with one file."""
    name = path.relative_to(ROOT)
    try:
        lines = path.read_text(encoding="utf-8").splitlines()
    except UnicodeDecodeError:
        return  # not a text
    if path.suffix == ".py" and len(lines) > HARD:
        yield f"{name}: {len(lines)} lines, more than {HARD}: split it"
    for number, line in enumerate(lines, 1):
        if EXCUSE in line or path == Path(__file__).resolve():
            continue
        text = GO_MODULE.sub("", line) if path.suffix in GO_SUFFIXES else line
        for what, pattern in FORBIDDEN.items():
            if pattern.search(text):
                yield f"{name}:{number}: {what}: {line.strip()[:100]}"


def main() -> int:
    """Exit code of the program."""
    every = files()
    found = [problem for path in every for problem in problems(path)]
    for path in every:
        if (
            path.suffix == ".py"
            and SOFT < (length := len(path.read_text("utf-8").splitlines())) <= HARD
        ):
            print(f"note: {path.relative_to(ROOT)}: {length} lines, more than {SOFT}")
    print(*found, sep="\n", end="\n" if found else "")
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
