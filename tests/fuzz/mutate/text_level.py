"""Mutations of a text in lines, and trees written as TOML."""

from __future__ import annotations

import json
import re
from random import Random

from fuzz.mutate import byte_level
from fuzz.mutate.json_tree import Node, Pairs, Raw

_VALUES = (
    '""', '"*"', '["*"]', "[]", "[[]]", "{}", "null", "~", "", "true", "yes", "no", "0", "-1",
    "1.0", "01", "0x10", "1_0", "1:30", "1e999", ".inf", "nan", "9" * 30, "9" * 5000, "2026-01-01",
    "2026-01-01T00:00:00", "2026-01-01T00:00:00Z", "0001-01-01T00:00:00+23:59",
    "9999-12-31T23:59:59-23:59", "2026-13-41T25:61:61Z", '"../signer.pub"', '"/signer.pub"',
    '"other.pub"', '"\\u0000"', '"\\ud800"', "'a\nb'", '"""', "'''", "!!str 1", "!!bool x",
    "!!binary aGk=", "!!set {a}", "&a 1", "*a", "[*a, *a]", "|", ">-", "? a", "<<: {a: 1}",
    "- - - -", "[" * 50, "{a: " * 50, "a" + ".a" * 50 + " = 1",
    '"https://kfp-provenance.dev/builders/operator/v1"',
    '["https://kfp-provenance.dev/builders/operator/v1"]', '"http://x/*"', '".*"',
    '["", "team-b"]', "\u2028", "\x85",
)  # fmt: skip
_NAMES = (
    "signer", "key", "pem", "identity", "issuer", "builders", "pipelines", "namespaces", "roots",
    "version", "trusted_root", "require", "revoked", "revocations", "steps", "components", "level",
    "maximum_age_days", "digests", "keys", "identities", "since", "not_before", "not_after",
    "name", "source_digest", "any", "*",
)  # fmt: skip


def mutate(random: Random, text: bytes) -> bytes:
    """One to three changes of bytes, of lines or of values."""
    for _ in range(random.choice((1, 1, 2, 3))):
        change = random.choice((byte_level.mutate, _lines, _value, _value, _name))
        text = change(random, text)
    return text


def _lines(random: Random, text: bytes) -> bytes:
    lines = text.split(b"\n")
    at, other = random.randrange(len(lines)), random.randrange(len(lines))
    action = random.randrange(6)
    if action == 0:
        del lines[at]
    elif action == 1:
        lines.insert(other, lines[at])
    elif action == 2:
        lines[at], lines[other] = lines[other], lines[at]
    elif action == 3:
        lines[at] = b"#" + lines[at]
    elif action == 4:
        lines[at] = random.choice((b" ", b"  ", b"\t", b"- ")) + lines[at]
    else:
        lines[at] = lines[at].lstrip(b" -")
    return b"\n".join(lines)


def _value(random: Random, text: bytes) -> bytes:
    """Something else after a ``=`` or a colon, or in place of a string."""
    found = list(re.finditer(rb"(?<=[=:] )[^\n]*|\"[^\"\n]*\"", text))
    if not found:
        return text
    place = random.choice(found)
    new = random.choice(_VALUES).encode()
    return text[: place.start()] + new + text[place.end() :]


def _name(random: Random, text: bytes) -> bytes:
    found = list(re.finditer(rb"[a-z_]+(?= ?[=:\]])", text))
    if not found:
        return text
    place = random.choice(found)
    new = random.choice(_NAMES).encode()
    return text[: place.start()] + new + text[place.end() :]


def toml(root: Node) -> bytes:
    """A tree as TOML, its tables in one line each."""
    if not isinstance(root, Pairs):
        return _inline(root).encode("utf-8", "replace")
    lines = [f"{_key(key)} = {_inline(value)}" for key, value in root.items]
    return "\n".join([*lines, ""]).encode("utf-8", "replace")


def _key(key: str) -> str:
    return key if re.fullmatch(r"[A-Za-z0-9_-]+", key) else json.dumps(key)


def _inline(node: Node) -> str:
    if isinstance(node, Raw):
        return node.text
    if isinstance(node, Pairs):
        return "{" + ", ".join(f"{_key(key)} = {_inline(value)}" for key, value in node.items) + "}"
    if isinstance(node, list):
        return "[" + ", ".join(map(_inline, node)) + "]"
    return json.dumps(node)
