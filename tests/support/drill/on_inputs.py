"""Files that are no bundle, and bytes that are no line of one."""

from __future__ import annotations

import gzip
import json
import os
from collections.abc import Callable, Iterator

from kfp_provenance.bundle import MAX_BUNDLE, MAX_LINE, MAX_LINES
from kfp_provenance.codes import Code
from support.drill.model import Act, Adversary, Attack, Codes, Given, Ground, Place, trials
from support.drill.rewrites import FIT, Rewrite, lines, rewritten
from support.drill.scenes import Scene

_NAME = "evil.sigstore.jsonl"
_MALFORMED, _LARGE = Code.BUNDLE_MALFORMED, Code.BUNDLE_TOO_LARGE
_MISSING = Code.BUNDLE_MISSING


def _made(make: Callable[[str], object]) -> Act:
    """Something else in the place of a bundle."""

    def act(scene: Scene) -> Given:
        path = scene.folder / _NAME
        make(str(path))
        return scene.given().but(bundle=path)

    return act


def _sized(size: int) -> Act:
    """A file that takes no room on the disk."""

    def act(scene: Scene) -> Given:
        path = scene.folder / _NAME
        path.touch()
        os.truncate(path, size)
        return scene.given().but(bundle=path)

    return act


def _link_to(target: str) -> Callable[[str], object]:
    return lambda path: os.symlink(target, path)


def _model(path: str) -> Act:
    """Something else in the place of the model; an absolute path stays what it is."""
    return lambda scene: scene.given().but(path=scene.folder / path)


def _model_as_bundle(scene: Scene) -> Given:
    given = scene.given()
    return given.but(bundle=given.path)


def _line(change: Callable[[bytes], bytes]) -> Rewrite:
    """Rewrite the text of a line."""

    def rewrite(every: list[bytes]) -> None:
        every[FIT] = change(every[FIT])

    return lines(rewrite)


def _field(value: bytes) -> Rewrite:
    """One more field with this value."""
    return _line(lambda line: b'{"x":' + value + b"," + line[1:])


def _twice(line: bytes) -> bytes:
    """One envelope for whoever takes the first of two keys, one for whoever takes the last."""
    envelope = json.dumps(json.loads(line)["dsseEnvelope"]).encode()
    return b'{"dsseEnvelope":' + envelope + b"," + line[1:]


def _twice_escaped(line: bytes) -> bytes:
    return line.replace(b'"payload"', b'"pay\\u006coad":"","payload"', 1)


def _in_utf16(bundle: bytes, _: object) -> bytes:
    return bundle.decode().encode("utf-16")


LINES: tuple[tuple[str, Rewrite, Codes], ...] = (
    ("a key twice in a line", _line(_twice), _MALFORMED),
    ("a key twice, once escaped", _line(_twice_escaped), _MALFORMED),
    ("a huge number in a line", _field(b"9" * 1_000_000), _MALFORMED),
    ("a number beyond all doubles in a line", _field(b"1e999"), _MALFORMED),
    ("no number in a line", _field(b"NaN"), _MALFORMED),
    ("deep nesting in a line", _field(b"[" * 100 + b"]" * 100), _MALFORMED),
    ("very deep nesting in a line", _field(b'{"x":' * 500_000), _MALFORMED),
    ("half of a character in a line", _field(b'"\\ud800"'), _MALFORMED),
    ("a NUL in a line", _field(b'"\0"'), _MALFORMED),
    ("a line that is a list", _line(lambda x: b"[" + x + b"]"), _MALFORMED),
    ("a line that is null", _line(lambda _: b"null"), _MALFORMED),
    ("a line that is an empty object", _line(lambda _: b"{}"), Code.MEDIA_TYPE_UNKNOWN),
    ("text behind a line", _line(lambda x: x + b"{}"), _MALFORMED),
    ("a bundle in UTF-16", _in_utf16, _MALFORMED),
    ("a bundle that was compressed", lambda bundle, _: gzip.compress(bundle), _MALFORMED),
    ("a line longer than any", _field(b'"' + b"x" * MAX_LINE + b'"'), _LARGE),
    ("more lines than any bundle", lambda b, _: b + b"{}\n" * MAX_LINES, _LARGE),
)

_NO_EVIDENCE, _NO_BYTES = "there is no evidence to read", "there are no bytes to judge"

FILES: tuple[tuple[str, Act, Codes, str], ...] = (
    ("a bundle of 100 MB", _sized(100_000_000), _LARGE, ""),
    ("a bundle of a terabyte", _sized(10**12), _LARGE, ""),
    ("a bundle one byte too large", _sized(MAX_BUNDLE + 1), _LARGE, ""),
    ("a bundle of zeros", _sized(1_000_000), _MALFORMED, ""),
    ("the model as its own bundle", _model_as_bundle, _MALFORMED, ""),
    ("no bundle", _made(lambda _: None), _MISSING, _NO_EVIDENCE),
    ("a folder as the bundle", _made(os.mkdir), _MISSING, _NO_EVIDENCE),
    ("a pipe as the bundle", _made(os.mkfifo), _MISSING, _NO_EVIDENCE),
    ("a device as the bundle", _made(_link_to("/dev/zero")), _MISSING, _NO_EVIDENCE),
    ("a terminal as the bundle", _made(_link_to("/dev/tty")), _MISSING, _NO_EVIDENCE),
    ("a link to itself as the bundle", _made(_link_to(_NAME)), _MISSING, _NO_EVIDENCE),
    ("a device as the model", _model("/dev/zero"), Code.ARTIFACT_SPECIAL_FILE, ""),
    ("no model", _model("nowhere"), Code.ARTIFACT_MISSING, _NO_BYTES),
    ("a model below a file", _model("signer.pub/model"), Code.ARTIFACT_MISSING, _NO_BYTES),
)


def attacks() -> Iterator[Attack]:
    """Lines, then files."""
    for name, change, codes in LINES:
        found = trials(Ground.TABULAR, rewritten(change), {Place.VERIFY: codes})
        yield Attack(name, Adversary.INPUTS, found)
    for name, act, codes, why in FILES:
        found = trials(Ground.TABULAR, act, {Place.VERIFY: codes}, why)
        yield Attack(name, Adversary.INPUTS, found)
