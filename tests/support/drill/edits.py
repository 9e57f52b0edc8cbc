"""What can be done to the bytes of an artifact: each takes its path."""

from __future__ import annotations

import hashlib
import os
import shutil
import socket
import unicodedata
from collections.abc import Callable
from pathlib import Path

Edit = Callable[[Path], object]


def files(tree: Path) -> list[Path]:
    """The files of a directory that have bytes, in a fixed order; a file alone is its own."""
    below = [tree] if tree.is_file() else sorted(path for path in tree.rglob("*") if path.is_file())
    return [path for path in below if path.stat().st_size]


def first(tree: Path) -> Path:
    return files(tree)[0]


def flip(tree: Path) -> None:
    data = bytearray(first(tree).read_bytes())
    data[len(data) // 2] ^= 1
    first(tree).write_bytes(data)


def swap(tree: Path) -> None:
    one, *_, other = files(tree)
    exchange(one, other)


def exchange(one: Path, other: Path) -> None:
    """Both keep their names and have each other's bytes."""
    aside = one.with_name("aside")
    one.rename(aside)
    other.rename(one)
    aside.rename(other)


def rename(tree: Path) -> None:
    path = first(tree)
    path.rename(path.with_name("renamed" + path.suffix))


def other_case(tree: Path) -> None:
    path = first(tree)
    path.rename(path.with_name(path.name.swapcase()))


def look_alike(tree: Path) -> None:
    """A letter of another alphabet that looks the same."""
    for path in files(tree):
        if "a" in path.name:
            path.rename(path.with_name(path.name.replace("a", "\N{CYRILLIC SMALL LETTER A}", 1)))
            return
    path = first(tree)
    path.rename(path.with_name(path.name.replace("o", "\N{CYRILLIC SMALL LETTER O}", 1)))


def accent(tree: Path) -> None:
    """The same text in another normal form."""
    path = first(tree)
    text = "caf\N{LATIN SMALL LETTER E WITH ACUTE}"
    path.rename(path.with_name(text))
    (path.parent / text).rename(path.with_name(unicodedata.normalize("NFD", text)))


def drop(tree: Path) -> None:
    first(tree).unlink()


def add(tree: Path) -> None:
    (tree / "more.csv").write_text("9,9\n")


def add_empty(tree: Path) -> None:
    (tree / "more").touch()


def add_hidden(tree: Path) -> None:
    (tree / ".DS_Store").write_text("x")


def add_folder(tree: Path) -> None:
    (tree / "more").mkdir()


def move_up(tree: Path) -> None:
    nested = next(path for path in files(tree) if path.parent != tree)
    nested.rename(tree / nested.name)
    for left in [path for path in tree.rglob("*") if path.is_dir() and not any(path.iterdir())]:
        left.rmdir()


def truncate(tree: Path) -> None:
    os.truncate(first(tree), first(tree).stat().st_size - 1)


def empty_file(tree: Path) -> None:
    os.truncate(first(tree), 0)


def empty(tree: Path) -> None:
    shutil.rmtree(tree)
    tree.mkdir()


def newline(tree: Path) -> None:
    with first(tree).open("ab") as stream:
        stream.write(b"\n")


def line_ends(tree: Path) -> None:
    for path in files(tree):
        path.write_bytes(path.read_bytes().replace(b"\n", b"\r\n"))


def mark_order(tree: Path) -> None:
    path = first(tree)
    path.write_bytes(b"\xef\xbb\xbf" + path.read_bytes())


def grow(tree: Path) -> None:
    """Zeros behind the end that take no room on the disk."""
    os.truncate(first(tree), first(tree).stat().st_size + 4096)


def listing(tree: Path) -> None:
    """A file with the very text that the digest of the directory is taken of."""
    every = sorted(path for path in tree.rglob("*") if path.is_file())
    names = {path.relative_to(tree).as_posix(): path.read_bytes() for path in every}
    lines = [f"{hashlib.sha256(names[name]).hexdigest()}  {name}\n" for name in sorted(names)]
    shutil.rmtree(tree)
    tree.write_text("".join(lines))


def folder_for_file(tree: Path) -> None:
    """A directory of the file's name that holds its bytes."""
    path = first(tree)
    data = path.read_bytes()
    path.unlink()
    path.mkdir()
    (path / path.name).write_bytes(data)


def wrapped(tree: Path) -> None:
    """The directory inside a directory of the same name."""
    inner = tree.with_name("aside")
    tree.rename(inner)
    tree.mkdir()
    inner.rename(tree / tree.name)


def hard_link(tree: Path) -> None:
    """One file takes the place of another without being copied."""
    one, *_, other = files(tree)
    other.unlink()
    os.link(one, other)


def line_in_a_name(tree: Path) -> None:
    """A name that would be a line of the listing."""
    (tree / f"x\n{'0' * 64}  y").touch()


def no_text(tree: Path) -> None:
    (tree / os.fsdecode(b"\xff\xfe")).touch()


# --- what a file system has and a bucket has not


def symlink(tree: Path) -> None:
    """A link to equal bytes, which can be changed later."""
    path = first(tree)
    aside = tree.with_name("elsewhere")
    path.rename(aside)
    path.symlink_to(aside)


def symlink_folder(tree: Path) -> None:
    nested = next(path for path in files(tree) if path.parent != tree).parent
    aside = tree.with_name("elsewhere")
    nested.rename(aside)
    nested.symlink_to(aside)


def symlink_whole(tree: Path) -> None:
    aside = tree.with_name("elsewhere")
    tree.rename(aside)
    tree.symlink_to(aside)


def dangling(tree: Path) -> None:
    (tree / "more").symlink_to("nowhere")


def pipe(tree: Path) -> None:
    os.mkfifo(tree / "more")


def pipe_for_file(tree: Path) -> None:
    path = first(tree)
    path.unlink()
    os.mkfifo(path)


def socket_file(tree: Path) -> None:
    """Bound from inside: the whole path is longer than an address may be."""
    descriptor = os.open(tree, os.O_RDONLY)
    try:
        with socket.socket(socket.AF_UNIX) as server:
            server.bind(f"/proc/self/fd/{descriptor}/more")
    finally:
        os.close(descriptor)


def device(tree: Path) -> None:
    path = first(tree)
    path.unlink()
    path.symlink_to("/dev/zero")
