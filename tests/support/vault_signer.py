"""What a signer must do, and what is said when it does not."""

from __future__ import annotations

import traceback
from collections.abc import Callable
from pathlib import Path

import pytest

from kfp_provenance.errors import ProvenanceError
from kfp_provenance.signing import KeySigner, Signer, load_public_key, open_signer
from support.openbao import OpenBao

PAYLOAD = b"statement"
KIND = "application/vnd.in-toto+json"


def open_key_signer(uri: str) -> KeySigner:
    signer = open_signer(uri)
    assert isinstance(signer, KeySigner)
    return signer


def check(vault: OpenBao, signer: KeySigner, name: str, version: int) -> None:
    """It signs, with this version."""
    public = load_public_key(vault.public_key(name, version).encode())
    envelope = signer.envelope(PAYLOAD, KIND)
    assert signer.hint == public.hint
    assert list(envelope.verify([public.verifier], 1)) == [public.hint]


def sign(signer: Signer) -> bytes:
    return signer.sign(PAYLOAD, KIND)


def refused(call: Callable[..., object], *arguments: object) -> ProvenanceError:
    with pytest.raises(ProvenanceError) as caught:
        call(*arguments)
    assert caught.value.remedy
    return caught.value


def words(error: ProvenanceError) -> str:
    """All that anybody may read of it, with its traceback."""
    lines = traceback.format_exception(error)
    return "\n".join([error.diagnostics(), repr(error), repr(error.to_json()), *lines])


def private(path: Path, text: str) -> Path:
    """A file that only its owner reads."""
    path.touch(mode=0o600)
    path.write_text(text)
    return path
