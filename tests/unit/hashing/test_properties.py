"""Which changes change a digest, and which do not; and what coreutils say."""

from __future__ import annotations

import hashlib
import os
import shutil
import subprocess
from pathlib import Path
from tempfile import TemporaryDirectory

from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st

from kfp_provenance.facts import ArtifactKind
from kfp_provenance.hashing import hash_path, list_directory
from support.trees import flat, listing_by_hand, names, trees, write

SHA256SUM = shutil.which("sha256sum") or "sha256sum"

unhurried = settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])


def digest_of(files: dict[str, bytes]) -> str:
    with TemporaryDirectory() as folder:
        return str(hash_path(write(Path(folder), files)).digest)


@given(trees)
@unhurried
def test_the_listing_is_what_hashlib_and_a_sort_of_bytes_give(tree):
    with TemporaryDirectory() as folder:
        root = write(Path(folder), flat(tree))
        listing = list_directory(root)
        content = hash_path(root)
        expected = listing_by_hand(root)
    assert listing.text == expected
    assert content.digest.hex == hashlib.sha256(expected.encode()).hexdigest()
    assert content.kind is ArtifactKind.DIRECTORY
    assert content.size == sum(len(data) for data in flat(tree).values())
    assert content.files == len(flat(tree))


@given(trees)
@settings(unhurried, max_examples=40)
def test_sha256sum_checks_the_listing_and_gives_the_digest(tree):
    with TemporaryDirectory() as folder, TemporaryDirectory() as other:
        root = write(Path(folder), flat(tree))
        listing = list_directory(root)
        sums = Path(other) / "listing"
        sums.write_bytes(listing.text.encode())
        checked = subprocess.run(
            [SHA256SUM, "--check", "--strict", "--quiet", str(sums)],
            cwd=root, stdin=subprocess.DEVNULL, capture_output=True, check=False,
        )  # fmt: skip
        summed = subprocess.run([SHA256SUM, str(sums)], capture_output=True, check=True)
    assert (checked.returncode, checked.stdout, checked.stderr) == (0, b"", b"")
    assert summed.stdout.decode().split()[0] == listing.digest.hex


@given(trees, st.data())
@unhurried
def test_any_changed_byte_changes_the_digest(tree, data):
    files = flat(tree)
    name = data.draw(st.sampled_from(sorted(files)))
    old = files[name]
    at = data.draw(st.integers(0, len(old)))
    bits = data.draw(st.integers(1, 255))
    new = old + bytes([bits]) if at == len(old) else bytearray(old)
    if at < len(old):
        new[at] ^= bits
    assert digest_of(files | {name: bytes(new)}) != digest_of(files)


@given(trees, names, st.data())
@unhurried
def test_a_renamed_file_changes_the_digest(tree, new, data):
    files = flat(tree)
    old = data.draw(st.sampled_from(sorted(files)))
    renamed = f"{old.rpartition('/')[0]}/{new}".lstrip("/") if "/" in old else new
    assume(not any(name == renamed or name.startswith(f"{renamed}/") for name in files))
    changed = {renamed if name == old else name: value for name, value in files.items()}
    assert digest_of(changed) != digest_of(files)


@given(trees, names, st.binary(max_size=8))
@unhurried
def test_an_added_file_changes_the_digest(tree, name, value):
    assume(name not in tree)
    files = flat(tree)
    assert digest_of(files | {name: value}) != digest_of(files)


@given(trees, st.data())
@unhurried
def test_a_dropped_file_changes_the_digest(tree, data):
    files = flat(tree)
    assume(len(files) > 1)
    dropped = data.draw(st.sampled_from(sorted(files)))
    left = {name: value for name, value in files.items() if name != dropped}
    assert digest_of(left) != digest_of(files)


@given(trees, st.data())
@unhurried
def test_swapped_files_change_the_digest(tree, data):
    files = flat(tree)
    one, other = (data.draw(st.sampled_from(sorted(files))) for _ in range(2))
    assume(files[one] != files[other])
    assert digest_of(files | {one: files[other], other: files[one]}) != digest_of(files)


@given(trees, st.data())
@unhurried
def test_order_of_creation_times_and_modes_do_not_count(tree, data):
    files = flat(tree)
    shuffled = dict(data.draw(st.permutations(list(files.items()))))
    seconds = data.draw(st.integers(0, 2**31))
    mode = data.draw(st.sampled_from([0o400, 0o600, 0o755, 0o777]))
    with TemporaryDirectory() as folder:
        root = write(Path(folder), shuffled)
        for name in files:
            os.chmod(f"{root}/{name}", mode)  # noqa: PTH101 - names of any form
            os.utime(f"{root}/{name}", (seconds, seconds))
        assert str(hash_path(root).digest) == digest_of(files)


@given(trees, st.integers(1, 5))
@settings(unhurried, max_examples=20)
def test_the_number_of_threads_does_not_count(tree, threads):
    with TemporaryDirectory() as folder:
        root = write(Path(folder), flat(tree))
        assert list_directory(root, threads=threads) == list_directory(root, threads=1)


@given(st.binary(max_size=3000))
@unhurried
def test_a_file_is_its_sha256(data):
    with TemporaryDirectory() as folder:
        path = Path(folder) / "file"
        path.write_bytes(data)
        content = hash_path(path)
    assert content.digest.hex == hashlib.sha256(data).hexdigest()
    assert (content.kind, content.size, content.files) == (ArtifactKind.FILE, len(data), 1)
