"""Mutations of a whole bundle: any of the levels on one line, or the lines themselves."""

from __future__ import annotations

import base64
import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from random import Random

from fuzz.mutate import byte_level, json_level, wrapper_level
from fuzz.mutate.json_tree import parse
from kfp_provenance.attest import PAYLOAD_TYPE
from kfp_provenance.signing import Signer
from support.forge import joined, lines_of


@dataclass(frozen=True)
class Material:
    """A signed bundle, and what an attacker has besides.

    Attributes:
        bundle: The bundle.
        others: Good bundles of other runs, most of them by the same signer.
        stranger: Signs with a key that nobody trusts.
    """

    bundle: bytes
    others: tuple[bytes, ...]
    stranger: Signer

    @property
    def lines(self) -> list[bytes]:
        """Of the bundle."""
        return lines_of(self.bundle)

    @property
    def other_lines(self) -> list[bytes]:
        """Of the other bundles."""
        return [line for other in self.others for line in lines_of(other)]


BundleChange = Callable[[Random, Material], bytes]


def file_bytes(random: Random, material: Material) -> bytes:
    donor = random.choice(material.others)
    return byte_level.mutate(random, material.bundle, donor)


def line_tree(random: Random, material: Material) -> bytes:
    lines = material.lines
    at = random.randrange(len(lines))
    lines[at] = json_level.mutate(random, parse(lines[at]))
    return joined(lines)


def line_wrapper(random: Random, material: Material) -> bytes:
    lines = material.lines
    at = random.randrange(len(lines))
    lines[at] = wrapper_level.mutate(random, lines[at], [*lines, *material.other_lines])
    return joined(lines)


def signed_by_stranger(random: Random, material: Material) -> bytes:
    """A line, changed or not, with a good signature of the wrong key, under either name."""
    lines = material.lines
    disguised = random.random() < 0.5
    every = random.random() < 0.2
    for at in range(len(lines)) if every else [random.randrange(len(lines))]:
        value = json.loads(lines[at])
        payload = base64.b64decode(value["dsseEnvelope"]["payload"])
        if random.random() < 0.7:
            payload = json_level.mutate(random, parse(payload))
        forged = json.loads(material.stranger.sign(payload, PAYLOAD_TYPE))
        if disguised:
            forged["verificationMaterial"] = value["verificationMaterial"]
        lines[at] = json.dumps(forged, separators=(",", ":")).encode()
    return joined(lines)


def line_order(random: Random, material: Material) -> bytes:
    """Lines dropped, doubled, moved, replaced and added."""
    lines, others = material.lines, material.other_lines
    for _ in range(random.choice((1, 1, 2, 3))):
        at = random.randrange(len(lines) + 1)
        action = random.randrange(6)
        if action == 0 and len(lines) > 1:
            del lines[at - 1]
        elif action == 1:
            lines.insert(at, random.choice(lines))
        elif action == 2:
            lines.insert(at, random.choice(others))
        elif action == 3:
            lines[at - 1] = random.choice(others)
        elif action == 4:
            random.shuffle(lines)
        else:
            lines = lines[:at] + others[: random.randint(0, len(others))] + lines[at:]
    return joined(lines)


def line_ends(random: Random, material: Material) -> bytes:
    """How the lines are put together."""
    lines = material.lines
    end = random.choice(
        (b"\n", b"\r\n", b"\r", b"\n\n", b"", b"\0\n", b"\x85", "\u2028".encode(), b" \n", b",\n")
    )
    text = end.join(lines)
    return random.choice(
        (
            text,
            text + end,
            text + b"\n",
            text + b"\n\n",
            b"\n" + text,
            b"[" + text + b"]",
            text + b"\r",
        )
    )


CHANGES: Sequence[tuple[str, float, BundleChange]] = (
    ("bytes of the file", 3, file_bytes),
    ("JSON of a line", 4, line_tree),
    ("base64, signature, log", 5, line_wrapper),
    ("signed by a stranger", 1, signed_by_stranger),
    ("lines", 1.5, line_order),
    ("ends of lines", 0.1, line_ends),
)


def mutate(random: Random, material: Material) -> tuple[str, bytes]:
    """Name of the level, and a bundle that is not the same bytes."""
    while True:
        weights = [weight for _, weight, _ in CHANGES]
        ((level, _, change),) = random.choices(CHANGES, weights)
        mutant = change(random, material)
        if mutant != material.bundle:
            return level, mutant
