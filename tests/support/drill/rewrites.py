"""How a bundle is edited by somebody without a key: bundle and scene in, bundle out."""

from __future__ import annotations

import base64
import json
from collections.abc import Callable
from typing import Any

from cryptography.hazmat.primitives.asymmetric.utils import (
    decode_dss_signature,
    encode_dss_signature,
)

from support.drill.model import Act, Given
from support.drill.scenes import RunsScene, Scene
from support.forge import edit_line, joined, lines_of

GATHER, FIT, CONTROL, ASSESS, SUMMARY = range(5)
"""Lines of the drill's bundle."""
P256 = 0xFFFFFFFF00000000FFFFFFFFFFFFFFFFBCE6FAADA7179E84F3B9CAC2FC632551
"""Order of the curve's group."""

Line = dict[str, Any]
Rewrite = Callable[[bytes, RunsScene], bytes]


def rewritten(change: Rewrite) -> Act:
    """The newer model with its bundle, rewritten."""

    def act(scene: Scene) -> Given:
        assert isinstance(scene, RunsScene)
        data = change(scene.run.bundle.read_bytes(), scene)
        return scene.given().but(bundle=scene.bundle(data))

    return act


def line(number: int, change: Callable[[Line], object]) -> Rewrite:
    """Edit the wrapper of one line."""
    return lambda bundle, _: edit_line(bundle, number, change)


def lines(change: Callable[[list[bytes]], object]) -> Rewrite:
    """Edit the list of lines in place."""

    def rewrite(bundle: bytes, _: RunsScene) -> bytes:
        every = lines_of(bundle)
        change(every)
        return joined(every)

    return rewrite


def mixed(change: Callable[[list[bytes], list[bytes]], list[bytes]], run: str) -> Rewrite:
    """Lines of this run and of another one."""
    return lambda bundle, scene: joined(
        change(lines_of(bundle), lines_of(scene.runs[run].bundle.read_bytes()))
    )


def payload(number: int, old: str, new: str) -> Rewrite:
    """Edit the signed bytes of a line."""

    def change(value: Line) -> None:
        text = base64.b64decode(value["dsseEnvelope"]["payload"]).decode()
        assert old in text
        value["dsseEnvelope"]["payload"] = encoded(text.replace(old, new, 1).encode())

    return line(number, change)


def encoded(data: bytes) -> str:
    return base64.b64encode(data).decode()


def signatures(value: Line) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = value["dsseEnvelope"]["signatures"]
    return found


def signature(number: int, change: Callable[[bytes], bytes]) -> Rewrite:
    """Edit the bytes of a signature."""

    def rewrite(value: Line) -> None:
        (only,) = signatures(value)
        only["sig"] = encoded(change(base64.b64decode(only["sig"])))

    return line(number, rewrite)


def other_form(der: bytes) -> bytes:
    """The other signature that holds for the same bytes and key: (r, n - s)."""
    r, s = decode_dss_signature(der)
    return encode_dss_signature(r, P256 - s)


def long_form(der: bytes) -> bytes:
    """The same two numbers with a length that DER would not write so."""
    return der[:1] + bytes([0x81]) + der[1:]


def text(number: int, change: Callable[[str], str], *, of: str) -> Rewrite:
    """Write the base64 of a line another way."""

    def rewrite(value: Line) -> None:
        place = signatures(value)[0] if of == "sig" else value["dsseEnvelope"]
        before = place[of]
        place[of] = change(before)
        assert place[of] != before

    return line(number, rewrite)


def loose(text: str) -> str:
    """Bits behind the last byte, which many decoders do not look at."""
    alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/"
    body = text.rstrip("=")
    if body == text:
        return text + "===="
    return body[:-1] + alphabet[alphabet.index(body[-1]) + 1] + text[len(body) :]


def material(number: int, **fields: object) -> Rewrite:
    return line(number, lambda value: value["verificationMaterial"].update(fields))


def strip(value: Line) -> None:
    signatures(value).clear()


def signature_of_another(bundle: bytes, _: RunsScene) -> bytes:
    other = signatures(json.loads(lines_of(bundle)[ASSESS]))
    return edit_line(bundle, FIT, lambda v: v["dsseEnvelope"].update(signatures=other))


def first_of_the_other(own: list[bytes], others: list[bytes]) -> list[bytes]:
    return [others[GATHER], *own[1:]]


def respaced(raw: bytes) -> bytes:
    return json.dumps(json.loads(raw)).encode()


def replace(number: int, change: Callable[[bytes], bytes]) -> Rewrite:
    def rewrite(every: list[bytes]) -> None:
        every[number] = change(every[number])

    return lines(rewrite)
