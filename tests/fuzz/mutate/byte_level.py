"""Mutations of bytes that know nothing of what they say."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from random import Random

TOKENS = (
    b'"', b"{", b"}", b"[", b"]", b":", b",", b"\\", b"null", b"true", b"false", b"0", b"-0", b"-1",
    b"NaN", b"Infinity", b"1e999", b"9007199254740993", b"9" * 400, b"\n", b"\r\n", b"\r", b"\t",
    b" ", b"\x00", b"\x7f", b"\xff", b"\xef\xbb\xbf", b"\xff\xfe", b"\xc0\xaf", b"\xed\xa0\x80",
    b"\xe2\x80\xae", b"\xe2\x80\xa8", b"\\u0000", b"\\ud800", b"\\u0041", b"=", b"==", b"+", b"/",
    b"-", b"_", b"..", b"*", b"#", b"//", b"/*", b"'", b"[" * 100, b'{"a":' * 100, b"%", b"&a ",
    b"*a", b"!!str ", b"~", b"<<: ", b"---\n", b"...\n", b"? ", b"|", b">", b"[[", b"]]", b'"""',
    b"'''", b"1979-05-27", b"inf", b"nan", b"0x10", b"1_0", b"yes",
)  # fmt: skip

ByteChange = Callable[[Random, bytes], bytes]


def _at(random: Random, data: bytes) -> int:
    return random.randrange(len(data) + 1)


def _span(random: Random, data: bytes) -> tuple[int, int]:
    start = _at(random, data)
    length = random.choice((1, 1, 2, 4, 16, 64, 300, 3000))
    return start, min(len(data), start + random.randint(1, length))


def flip_bit(random: Random, data: bytes) -> bytes:
    return change_byte(random, data, 1 << random.randrange(8))


def change_byte(random: Random, data: bytes, bits: int = 0) -> bytes:
    if not data:
        return b"\0"
    at = random.randrange(len(data))
    new = data[at] ^ (bits or random.randint(1, 255))
    return data[:at] + bytes([new]) + data[at + 1 :]


def insert(random: Random, data: bytes) -> bytes:
    at = _at(random, data)
    new = random.choice(TOKENS) if random.random() < 0.7 else random.randbytes(random.randint(1, 8))
    return data[:at] + new + data[at:]


def overwrite(random: Random, data: bytes) -> bytes:
    at, new = _at(random, data), random.choice(TOKENS)
    return data[:at] + new + data[at + len(new) :]


def delete(random: Random, data: bytes) -> bytes:
    start, end = _span(random, data)
    return data[:start] + data[end:]


def duplicate(random: Random, data: bytes) -> bytes:
    start, end = _span(random, data)
    return data[:end] + data[start:end] + data[end:]


def move(random: Random, data: bytes) -> bytes:
    start, end = _span(random, data)
    block, rest = data[start:end], data[:start] + data[end:]
    at = _at(random, rest)
    return rest[:at] + block + rest[at:]


def truncate(random: Random, data: bytes) -> bytes:
    at = _at(random, data)
    return data[:at] if random.random() < 0.8 else data[at:]


def swap_blocks(random: Random, data: bytes) -> bytes:
    (a, b), (c, d) = sorted((_span(random, data), _span(random, data)))
    if b > c:
        return flip_bit(random, data)
    return data[:a] + data[c:d] + data[b:c] + data[a:b] + data[d:]


def swap_case(random: Random, data: bytes) -> bytes:
    start, end = _span(random, data)
    return data[:start] + data[start:end].swapcase() + data[end:]


CHANGES: Sequence[ByteChange] = (
    flip_bit, change_byte, insert, insert, overwrite, delete, duplicate, move, truncate,
    swap_blocks, swap_case,
)  # fmt: skip


def mutate(random: Random, data: bytes, donor: bytes = b"") -> bytes:
    """One to three changes; now and then a block of another document."""
    for _ in range(random.choice((1, 1, 1, 2, 3))):
        if donor and random.random() < 0.05:
            (start, end), at = _span(random, donor), _at(random, data)
            data = data[:at] + donor[start:end] + data[at:]
        else:
            data = random.choice(CHANGES)(random, data)
    return data
