"""Directories of random names and bytes, and what coreutils and hashlib say of them."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterator
from pathlib import Path
from typing import TypeAlias

from hypothesis import strategies as st

Tree: TypeAlias = "dict[str, bytes | Tree]"

names = (
    st.text(
        st.characters(exclude_categories=["Cs"], exclude_characters="/\0\n\r"),
        min_size=1,
        max_size=12,
    )
    .filter(lambda name: name not in {".", "..", "-"})
    .filter(lambda name: len(name.encode()) <= 40)
)
"""Every file name that a listing can hold, short enough for every file system."""

trees: st.SearchStrategy[Tree] = st.dictionaries(
    names,
    st.recursive(
        st.binary(max_size=64),
        lambda below: st.dictionaries(names, below, min_size=1, max_size=3),
        max_leaves=8,
    ),
    min_size=1,
    max_size=4,
)
"""Directories without empty directories."""


def flat(tree: Tree, prefix: str = "") -> dict[str, bytes]:
    """Bytes by relative path."""
    files: dict[str, bytes] = {}
    for name, value in tree.items():
        if isinstance(value, bytes):
            files[prefix + name] = value
        else:
            files |= flat(value, f"{prefix}{name}/")
    return files


def write(root: Path, files: dict[str, bytes]) -> Path:
    """Write files in the given order."""
    for name, data in files.items():
        path = f"{root}/{name}"
        os.makedirs(os.path.dirname(path), exist_ok=True)  # noqa: PTH103, PTH120 - any name
        Path(path).write_bytes(data)
    return root


def listing_by_hand(root: Path) -> str:
    """The listing of a directory, computed without the package."""
    lines = sorted(
        (os.fsencode(path.relative_to(root)), hashlib.sha256(path.read_bytes()).hexdigest())
        for path in _files(root)
    )
    return "".join(f"{digest}  {name.decode()}\n" for name, digest in lines)


def _files(root: Path) -> Iterator[Path]:
    for folder, _, found in os.walk(root):
        for name in found:
            yield Path(folder) / name
