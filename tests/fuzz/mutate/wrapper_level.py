"""Mutations of what is around a signed payload: base64, signatures, certificates, log entries."""

from __future__ import annotations

import base64
import json
from collections.abc import Callable, Sequence
from random import Random

from cryptography.hazmat.primitives.asymmetric.utils import (
    decode_dss_signature,
    encode_dss_signature,
)

from fuzz.mutate import byte_level, json_level
from fuzz.mutate.json_tree import Node, Pairs, Place, get, parse, places, put, write

_ORDER = 0xFFFFFFFF00000000FFFFFFFFFFFFFFFFBCE6FAADA7179E84F3B9CAC2FC632551  # of P-256
_ALPHABET = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/"

PAYLOAD = ("dsseEnvelope", "payload")
SIGNATURES = ("dsseEnvelope", "signatures")
SIGNATURE = (*SIGNATURES, 0, "sig")
MATERIAL = ("verificationMaterial",)
CERTIFICATE = (*MATERIAL, "certificate", "rawBytes")
ENTRY = (*MATERIAL, "tlogEntries", 0)

_CERTIFICATE_TEXTS = (
    (b"team-a", b"team-b"),
    (b"signer", b"admins"),
    (b"https://", b"HTTPS://"),
    (b"kubernetes", b"kubernetez"),
    (b"http://127", b"http://128"),
    (b"Z0\0", b"Z0\1"),
    (b"provenance.example", b"provenance.elpmaxe"),
    (b"\x01\x01\xff", b"\x01\x01\x00"),  # critical
    (b"\x55\x1d", b"\x55\x1e"),  # number of a standard extension
    (b"\x83\xbf\x30", b"\x83\xbf\x31"),  # of one of Fulcio
)

LineChange = Callable[[Random, Node, Sequence[Node]], None]
"""Changes a line in its place; other lines are at hand."""


def text_at(node: Node, *path: str | int) -> str:
    found = get(node, *path)
    return found if isinstance(found, str) else ""


def bytes_at(node: Node, *path: str | int) -> bytes:
    try:
        return base64.b64decode(text_at(node, *path))
    except ValueError:
        return b""


def put_bytes(node: Node, path: tuple[str | int, ...], data: bytes) -> None:
    put(node, path, base64.b64encode(data).decode())


# --- base64 ----------------------------------------------------------------------------


def other_base64(random: Random, text: str) -> str:
    """Another text, most of them of the same bytes to a lenient reader."""
    at = random.randrange(len(text) + 1)
    bare = text.rstrip("=")
    last = _ALPHABET.find(bare[-1:]) ^ 1
    inserted = random.choice(("\n", " ", "=", "*", "é", "\0", "-"))
    return random.choice(
        (
            text[:at] + inserted + text[at:],
            text[:at] + inserted + text[at:],
            bare,
            text + random.choice(("=", "====", "AA==", "\n")),
            text.replace("+", "-").replace("/", "_"),
            bare[:-1] + _ALPHABET[last] + text[len(bare) :],  # other bits that do not count
            text.swapcase(),
            text[:-4],
            text[::-1],
            base64.b64encode(text.encode()).decode(),
            base64.b32encode(text.encode()).decode(),
            "data:;base64," + text,
        )
    )


def base64_anywhere(random: Random, line: Node, donors: Sequence[Node]) -> None:
    every = [p for p in places(line) if isinstance(p.value, str) and len(p.value) > 20]
    if every:
        place = random.choice(every)
        place.value = other_base64(random, str(place.value))


# --- payload and signature -------------------------------------------------------------


def payload_bytes(random: Random, line: Node, donors: Sequence[Node]) -> None:
    donor = bytes_at(random.choice(donors), *PAYLOAD)
    put_bytes(line, PAYLOAD, byte_level.mutate(random, bytes_at(line, *PAYLOAD), donor))


def payload_tree(random: Random, line: Node, donors: Sequence[Node]) -> None:
    put_bytes(line, PAYLOAD, json_level.mutate(random, parse(bytes_at(line, *PAYLOAD))))


def payload_written_otherwise(random: Random, line: Node, donors: Sequence[Node]) -> None:
    value = json.loads(bytes_at(line, *PAYLOAD))
    text = json.dumps(value, indent=random.choice((None, 0, 1)), sort_keys=random.random() < 0.5)
    put_bytes(line, PAYLOAD, text.encode() + random.choice((b"", b" ", b"\n")))


def signature_bytes(random: Random, line: Node, donors: Sequence[Node]) -> None:
    put_bytes(line, SIGNATURE, byte_level.mutate(random, bytes_at(line, *SIGNATURE)))


def signature_numbers(random: Random, line: Node, donors: Sequence[Node]) -> None:
    """Other numbers; (r, n - s) holds too, which is known of ECDSA."""
    try:
        r, s = decode_dss_signature(bytes_at(line, *SIGNATURE))
    except ValueError:
        return
    new = random.choice(
        (
            (r, _ORDER - s),
            (r, s + _ORDER),
            (r + _ORDER, s),
            (s, r),
            (0, s),
            (r, 0),
            (1, 1),
            (r, s + 1),
        )
    )
    put_bytes(line, SIGNATURE, encode_dss_signature(*new))


def signature_form(random: Random, line: Node, donors: Sequence[Node]) -> None:
    """The same numbers in another form."""
    raw = bytes_at(line, *SIGNATURE)
    try:
        r, s = decode_dss_signature(raw)
    except ValueError:
        return
    fixed = r.to_bytes(32, "big") + s.to_bytes(32, "big")
    der_long = b"\x30\x81" + raw[1:]  # a length in two bytes
    padded = raw[:2] + b"\x02" + bytes([raw[3] + 1]) + b"\0" + raw[4:]
    padded = padded[:1] + bytes([raw[1] + 1]) + padded[2:]
    indefinite = b"\x30\x80" + raw[2:] + b"\0\0"
    put_bytes(
        line, SIGNATURE, random.choice((fixed, der_long, padded, indefinite, raw + b"\0", raw * 2))
    )


def signatures_list(random: Random, line: Node, donors: Sequence[Node]) -> None:
    own, others = get(line, *SIGNATURES), get(random.choice(donors), *SIGNATURES)
    if isinstance(own, list) and isinstance(others, list):
        put(line, SIGNATURES, random.choice((own + others, others, own + own, others + own, [])))


def swap_part(random: Random, line: Node, donors: Sequence[Node]) -> None:
    """A part of another line in place of this line's."""
    path = random.choice(
        (
            PAYLOAD,
            SIGNATURE,
            MATERIAL,
            CERTIFICATE,
            ENTRY,
            ("dsseEnvelope",),
            (*MATERIAL, "publicKey"),
        )
    )
    value = get(random.choice(donors), *path)
    if value is not None and not put(line, path, value):
        material = get(line, *MATERIAL)
        if isinstance(material, Pairs):
            material.items.append((str(path[-1]), value))


# --- certificates and log entries ------------------------------------------------------


def certificate_bytes(random: Random, line: Node, donors: Sequence[Node]) -> None:
    put_bytes(line, CERTIFICATE, byte_level.mutate(random, bytes_at(line, *CERTIFICATE)))


def certificate_text(random: Random, line: Node, donors: Sequence[Node]) -> None:
    """Another name, issuer, time or extension of the same length: the structure stays whole."""
    old, new = random.choice(_CERTIFICATE_TEXTS)
    der = bytes_at(line, *CERTIFICATE).replace(old, new, random.choice((1, -1)))
    put_bytes(line, CERTIFICATE, der)


def entry_tree(random: Random, line: Node, donors: Sequence[Node]) -> None:
    json_level.change_tree(random, line, get(line, *MATERIAL))


def entry_body(random: Random, line: Node, donors: Sequence[Node]) -> None:
    path = (*ENTRY, "canonicalizedBody")
    body = bytes_at(line, *path)
    if not body:
        return
    text = random.random() < 0.5
    put_bytes(
        line,
        path,
        byte_level.mutate(random, body) if text else json_level.mutate(random, parse(body)),
    )


def entry_numbers(random: Random, line: Node, donors: Sequence[Node]) -> None:
    entry = get(line, *ENTRY)
    numbers = [p for p in places(entry) if isinstance(p.value, str) and p.value.isdecimal()]
    if numbers:
        place = random.choice(numbers)
        change = random.choice((-1, 1, 3600, -(10**6), 10**9, 2**32, 2**63, 2**64))
        place.value = str(int(str(place.value)) + change)


def entry_proof(random: Random, line: Node, donors: Sequence[Node]) -> None:
    """Hashes, promises and checkpoints, byte by byte."""
    every: list[Place] = [
        p for p in places(get(line, *ENTRY)) if isinstance(p.value, str) and len(p.value) > 30
    ]
    if not every:
        return
    place = random.choice(every)
    if place.key == "envelope":
        place.value = byte_level.mutate(random, str(place.value).encode()).decode(
            "utf-8", "replace"
        )
    else:
        try:
            data = base64.b64decode(str(place.value))
        except ValueError:
            data = b""
        place.value = base64.b64encode(byte_level.mutate(random, data)).decode()


COMMON: Sequence[LineChange] = (
    base64_anywhere, payload_bytes, payload_tree, payload_written_otherwise, signature_bytes,
    signature_numbers, signature_form, signatures_list, swap_part,
)  # fmt: skip
KEYLESS: Sequence[LineChange] = (
    certificate_bytes, certificate_text, entry_tree, entry_body, entry_numbers, entry_proof,
)  # fmt: skip


def mutate(random: Random, line: bytes, donors: Sequence[bytes]) -> bytes:
    """One line, changed where it is base64 or evidence."""
    tree = parse(line)
    changes = list(COMMON)
    if get(tree, *CERTIFICATE) is not None:
        changes += [*KEYLESS, *KEYLESS]
    others = [parse(donor) for donor in random.sample(donors, min(2, len(donors)))]
    random.choice(changes)(random, tree, others)
    return write(tree)
