"""Documents made to fill memory or to take for ever."""

from __future__ import annotations

import base64
import json
from collections.abc import Sequence
from typing import Any

from fuzz.originals import key_signed, keyless, signer
from kfp_provenance.attest import IN_RUN_BUILDER, PAYLOAD_TYPE
from support.forge import joined, lines_of, statements_of

MEBI = 1024 * 1024
LINE = 4 * MEBI - 16
"""Bytes of the longest line, policy or root that is read at all."""
PAYLOAD = 3 * MEBI - 8192
"""Bytes that fit into a line in base64."""

SIGNER = f'[[signer]]\nkey = "signer.pub"\nbuilders = ["{IN_RUN_BUILDER}"]\n'
POLICY = f"version = 1\n{SIGNER}"


def filled(start: str, item: str, end: str, size: int = LINE) -> bytes:
    """``item`` as often as it fits."""
    times = (size - len(start) - len(end)) // len(item)
    return (start + item * times + end).encode()


def many_keys(start: str = "{", end: str = '"":0}', colon: str = ":", size: int = LINE) -> bytes:
    """An object with as many keys as fit."""
    parts, length = [start], len(start) + len(end)
    while length < size - 16:
        parts.append(f'"{len(parts)}"{colon}0,')
        length += len(parts[-1])
    return "".join([*parts, end]).encode()


def line_with(path: Sequence[str], item: str) -> bytes:
    """A line of a good bundle, one list of it filled with an item."""
    value: dict[str, Any] = json.loads(lines_of(key_signed()[0].material.bundle)[0])
    return _filled_at(value, path, item, LINE)


def _filled_at(value: dict[str, Any], path: Sequence[str], item: str, size: int) -> bytes:
    holder = value
    for name in path[:-1]:
        holder = holder.setdefault(name, {})
    holder[path[-1]] = "@"
    start, end = json.dumps(value, separators=(",", ":")).split('"@"')
    return filled(f"{start}[", f"{item},", f"{item}]{end}", size)


def keyless_line(path: Sequence[str], data: bytes) -> bytes:
    """A keyless line as a stranger can change it: its certificate is known to everybody."""
    value: dict[str, Any] = json.loads(lines_of(keyless()[1].material.bundle)[0])
    holder = value["verificationMaterial"]
    holder = holder["tlogEntries"][0] if path[0] == "tlogEntries" else holder[path[0]]
    holder[path[-1]] = base64.b64encode(data).decode()
    return json.dumps(value, separators=(",", ":")).encode()


def said(number: int, path: Sequence[str], item: str, lines: int = 1) -> bytes:
    """A bundle in which the trusted signer fills a list of a statement, in several lines."""
    original = key_signed()[0].material.bundle
    payload = _filled_at(statements_of(original)[number], path, item, PAYLOAD)
    large = signer().sign(payload, PAYLOAD_TYPE)
    return joined([large] * lines if lines > 1 else [large, *lines_of(original)[1:]])


def said_keys(path: Sequence[str]) -> bytes:
    """Likewise an object with many keys."""
    original = key_signed()[0].material.bundle
    value = statements_of(original)[0]
    holder = value
    for name in path[:-1]:
        holder = holder[name]
    holder[path[-1]] = "@"
    start, end = json.dumps(value, separators=(",", ":")).split('"@"')
    payload = many_keys(start + "{", '"":0}' + end, size=PAYLOAD)
    return joined([signer().sign(payload, PAYLOAD_TYPE), *lines_of(original)[1:]])


def duplicates() -> bytes:
    """As many good lines as a bundle may have."""
    return joined([lines_of(key_signed()[0].material.bundle)[0]] * 4096)


def bomb() -> bytes:
    """Nine levels of nine aliases each: billions, if they were followed."""
    lines = ["a0: &a0 [lol, lol, lol, lol, lol, lol, lol, lol, lol]"]
    lines += [f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 9)}]" for n in range(1, 10)]
    return "\n".join(lines).encode()


def revocations(count: int = 40_000) -> bytes:
    """A policy that revokes very much."""
    digests = ",\n".join(f'"sha256:{number:064x}"' for number in range(count))
    return f"{POLICY}[revoked]\ndigests = [{digests}]\n".encode()


def revocations_yaml(count: int = 40_000) -> bytes:
    """The same in YAML."""
    digests = "".join(f"  - sha256:{number:064x}\n" for number in range(count))
    head = f"version: 1\nsigner:\n- key: signer.pub\n  builders: [{IN_RUN_BUILDER}]\n"
    return f"{head}revoked:\n  digests:\n{digests}".encode()


def names(count: int = 200_000) -> bytes:
    """Names of objects, in folders."""
    return "\n".join(f"{n % 7}/{n % 1000}/part-{n}" for n in range(count)).encode()
