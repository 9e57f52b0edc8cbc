"""Hashing in a thread beside the writing gives what is in the file, whatever the client does."""

from __future__ import annotations

import hashlib
from io import BytesIO

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kfp_provenance.errors import StorageError
from kfp_provenance.storage.staging import HashedBeside

BLOCKS = st.lists(st.binary(max_size=700_000), max_size=9)


@settings(deadline=None)
@given(abandoned=BLOCKS, blocks=BLOCKS, views=st.booleans())
def test_digest_and_bytes(abandoned: list[bytes], blocks: list[bytes], *, views: bool) -> None:
    """A client that repeats a download seeks to the start; buffers may be used again."""
    file = BytesIO()
    with HashedBeside(file, "gs://b/o", 1 << 40) as target:
        for block in abandoned:
            target.write(block)
        target.seek(0)
        for block in blocks:
            buffer = bytearray(block)
            target.write(memoryview(buffer) if views else block)
            buffer[:] = bytes(len(buffer))
        content = target.content
    whole = b"".join(blocks)
    assert file.getvalue() == whole
    assert (content.digest.hex, content.size) == (hashlib.sha256(whole).hexdigest(), len(whole))


def test_a_limit_and_a_full_disk_are_told() -> None:
    with HashedBeside(BytesIO(), "gs://b/o", 10) as target, pytest.raises(StorageError):
        target.write(b"x" * 11)

    class Full(BytesIO):
        def write(self, _: object) -> int:
            raise OSError(28, "No space left on device")

    with HashedBeside(Full(), "gs://b/o", 1 << 40) as target, pytest.raises(OSError, match="space"):
        target.write(b"x" * (2 << 20))
