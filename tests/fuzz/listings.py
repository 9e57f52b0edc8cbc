"""Listings of directories: what they say can be read in one way, by ``sha256sum`` too."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import stat
import subprocess
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from random import Random
from tempfile import TemporaryDirectory
from typing import Any
from zlib import crc32

from fuzz.kinds import Kind, Result, need
from fuzz.mutate import byte_level
from kfp_provenance.errors import ArtifactError
from kfp_provenance.facts import Digest
from kfp_provenance.hashing import Listing, ListingEntry, hash_path, list_directory

SHA256SUM = shutil.which("sha256sum") or "sha256sum"
_PATHS = ("model.skops", "data/part-0", "data/part-1", "data/deep/er/x", "é", " ", "-b", "a\\nb")
_ODD = (
    "", ".", "..", "-", "/", "a/", "/a", "a//b", "./a", "a/.", "a/../b", "\n", "a\nb", "a\r", "\r",
    "\0", "a\0b", "\\", "\\n", "a\\", "*", " a", "a ", "\t", "\x7f", "\x1b[2J", "\u202e", "\u2028",
    "\x85", "\ufeff", "\ud800", "\udcff", "e\u0301", "é", "x" * 255, "x" * 256, "é" * 128,
    "d/" * 100 + "f", "0" * 64 + "  model.skops", "model.skops\n" + "0" * 64 + "  x",
    "model.skops/x", "data", "DATA/part-0", ".hidden", "data/part-0 ",
)  # fmt: skip


def _one_or_more(random: Random, paths: list[str]) -> None:
    for _ in range(random.choice((1, 1, 2, 3))):
        at = random.randrange(len(paths))
        odd = random.choice(_ODD) if random.random() < 0.6 else _bytes(random, paths[at])
        action = random.randrange(4)
        if action == 0:
            paths[at] = odd
        elif action == 1:
            paths.append(odd)
        elif action == 2:
            paths[at] = paths[at] + random.choice(("/", "", "\n", "\0")) + odd
        else:
            paths.append(paths[at])


def _bytes(random: Random, path: str) -> str:
    mutated = byte_level.mutate(random, path.encode("utf-8", "surrogatepass"))
    return mutated.decode("utf-8", random.choice(("surrogateescape", "replace")))


# --- names alone, as a bucket lists its objects --------------------------------------------


def any_names(random: Random) -> tuple[str, bytes]:
    """Names that objects in a bucket may have."""
    paths = list(_PATHS)
    _one_or_more(random, paths)
    random.shuffle(paths)
    return "names", json.dumps(paths).encode()


def names_in(data: bytes) -> list[str]:
    """A list of names in JSON; of any other bytes, their lines between record separators."""
    try:
        found = json.loads(data)
    except (ValueError, RecursionError):
        found = None
    if isinstance(found, list) and all(isinstance(name, str) for name in found):
        return found
    return data.decode("utf-8", "surrogateescape").split("\x1e")


def judge_names(data: bytes) -> Result:
    """The listing is refused, or it is read back as exactly these names and digests."""
    paths = names_in(data)
    digests = [hashlib.sha256(path.encode("utf-8", "surrogatepass")).hexdigest() for path in paths]
    pairs = list(zip(paths, digests, strict=True))
    try:
        listing = Listing(ListingEntry(path, Digest(digest), 1) for path, digest in pairs)
    except ArtifactError as error:
        need(error.where.isprintable() and error.remedy, "an error says nothing, or too much")
        return Result(error.code)
    check_listing(listing, dict(pairs))
    need(len(set(paths)) == len(paths), "a path is listed twice")
    return Result("genuine: a listing that is read back", accepted=True)


def check_listing(listing: Listing, files: dict[str, str]) -> None:
    """A reader of lines finds these files, each once, in the order of their bytes."""
    text = listing.text.encode()
    need(listing.digest.hex == hashlib.sha256(text).hexdigest(), "the digest is another's")
    lines = text.split(b"\n")
    need(lines.pop() == b"", "the last line has no end")
    read = [(line[66:].decode(), line[:64].decode()) for line in lines]
    need(all(line[64:66] == b"  " for line in lines), "a line has no two blanks")
    need(dict(read) == files and len(read) == len(files), "it is read as other files")
    names = [line[66:] for line in lines]
    need(names == sorted(names), "it is not sorted by bytes")
    need(not any(b"\r" in name or b"\0" in name or name == b"-" for name in names), "a bad name")
    parts = [part for name in names for part in name.split(b"/")]
    need(not {b"", b".", b".."} & set(parts), "a path leaves its directory")
    folders = {name[:at] for name in names for at, byte in enumerate(name) if byte == ord("/")}
    need(not folders & set(names), "a path is both a file and a directory")


# --- real directories ------------------------------------------------------------------------


@cache
def memory_folder() -> str:
    """Where small files are fast; empty if there is no such place."""
    memory = Path("/dev/shm")  # noqa: S108 - only faster
    return str(memory) if memory.is_dir() and os.access(memory, os.W_OK) else ""


def any_tree(random: Random) -> tuple[str, bytes]:
    """A directory in which something was changed: names, bytes, kinds of files."""
    files: list[dict[str, Any]] = [
        {"path": path, "data": f"{path} {random.random()}", "kind": "file"} for path in _PATHS[:6]
    ]
    paths = [str(file["path"]) for file in files]
    level = random.choice(("names", "names", "kinds", "bytes"))
    if level == "names":
        _one_or_more(random, paths)
        extra = [{"path": path, "data": "", "kind": "file"} for path in paths[len(files) :]]
        for file, path in zip(files, paths, strict=False):
            file["path"] = path
        files += extra
    elif level == "kinds":
        kinds = ("link", "dangling", "pipe", "empty", "hard", "socket")
        random.choice(files)["kind"] = random.choice(kinds)
    else:
        file = random.choice(files)
        file["data"] = byte_level.mutate(random, str(file["data"]).encode()).decode("latin-1")
    return level, json.dumps(files).encode()


def _make(root: str, file: dict[str, Any]) -> bool:
    """Put one of the files there, if the file system takes it."""
    name = str(file["path"]).encode(
        "utf-8", "surrogateescape" if "\ud800" not in file["path"] else "replace"
    )
    path = os.path.join(root.encode(), name)  # noqa: PTH118 - bytes
    try:
        if not os.path.realpath(path).startswith(root.encode() + b"/"):
            return False
        os.makedirs(os.path.dirname(path), exist_ok=True)  # noqa: PTH103, PTH120
        _put(path, file["kind"], str(file["data"]).encode("latin-1", "replace"))
    except (OSError, ValueError):
        return False
    return True


def _put(path: bytes, kind: str, data: bytes) -> None:
    if kind in ("link", "dangling"):
        os.symlink(b"nowhere" if kind == "dangling" else os.path.dirname(path), path)  # noqa: PTH120
    elif kind == "pipe":
        os.mkfifo(path)
    elif kind == "socket":
        os.mknod(path, stat.S_IFSOCK | 0o600)
    elif kind == "empty":
        os.mkdir(path)  # noqa: PTH102
    else:
        with open(path, "wb") as stream:  # noqa: PTH123 - bytes
            stream.write(data)
        if kind == "hard":
            os.link(path, path + b".again")


def _walk(root: str) -> tuple[dict[bytes, bytes], bool]:
    """Files by their names, and whether there is anything else, or an empty directory."""
    files: dict[bytes, bytes] = {}
    odd = False
    for folder, folders, names in os.walk(root.encode()):
        odd |= not folders and not names
        for name in (*folders, *names):
            path = os.path.join(folder, name)  # noqa: PTH118 - bytes
            mode = os.lstat(path).st_mode
            odd |= not stat.S_ISREG(mode) and not stat.S_ISDIR(mode)
            if stat.S_ISREG(mode):
                with open(path, "rb") as stream:  # noqa: PTH123 - bytes
                    files[os.path.relpath(path, root.encode())] = stream.read()
    return files, odd


def judge_tree(data: bytes) -> Result:
    """It is refused, or its digest is that of Go's ``dirhash``, and ``sha256sum`` agrees."""
    with TemporaryDirectory(dir=memory_folder() or None) as root:
        for file in json.loads(data):
            _make(root, file)
        files, odd = _walk(root)
        try:
            listing = list_directory(root, threads=1)
            digest = hash_path(root, threads=1).digest
        except ArtifactError as error:
            need(error.where.isprintable() and error.remedy, "an error says nothing, or too much")
            return Result(error.code)
        need(not odd, "something else than files was left out")
        lines = sorted((name, hashlib.sha256(read).hexdigest()) for name, read in files.items())
        text = b"".join(f"{hexed}  ".encode() + name + b"\n" for name, hexed in lines)
        need(digest.hex == hashlib.sha256(text).hexdigest(), "it is not the digest of dirhash")
        check_listing(listing, {name.decode(): hexed for name, hexed in lines})
        if crc32(data) % 50 == 0:
            check_with_coreutils(root, text)
    return Result("genuine: the digest of dirhash", accepted=True)


def check_with_coreutils(root: str, listing: bytes) -> None:
    """The real ``sha256sum -c`` finds every file of the listing."""
    checked = subprocess.run(
        [SHA256SUM, "--check", "--strict", "--quiet"],
        input=listing, cwd=root, capture_output=True, check=False,
    )  # fmt: skip
    need(checked.returncode == 0, f"sha256sum: {checked.stdout[:200]!r} {checked.stderr[:200]!r}")


def kinds() -> Iterator[Kind]:
    """Names, and directories."""
    names = json.dumps(_PATHS).encode()
    tree = json.dumps([{"path": path, "data": "", "kind": "file"} for path in _PATHS]).encode()
    yield Kind("listing/names", 4.0, names, any_names, judge_names)
    yield Kind("listing/directory", 4.0, tree, any_tree, judge_tree)
