"""Unmodified sigstore-python and sigstore-js believe our lines, and refuse what they do not say.

sigstore-python knows no signatures with a key of one's own; sigstore-js does, by the hint.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pytest

from support.chains import digest, key_pair, signed, tabular_run
from support.forge import edit_line, lines_of, statement_of
from support.keyless_chain import EMAIL, SERVICE_ACCOUNT, Who, keyless, who
from support.sigstore_clients import Outcome, SigstoreJs, sigstore_python
from support.sigstore_instance import Sigstore, running_sigstore

pytestmark = pytest.mark.interop

Document = dict[str, Any]


@dataclass(frozen=True)
class Signed:
    """A keyless bundle, each line in a file of its own, and who signed it."""

    bundle: bytes
    files: tuple[Path, ...]
    signer: Who
    other: Who


def in_files(folder: Path, bundle: bytes) -> tuple[Path, ...]:
    files = []
    for number, line in enumerate(lines_of(bundle), 1):
        files.append(folder / f"line-{number}.json")
        files[-1].write_bytes(line)
    return tuple(files)


@pytest.fixture(scope="module", params=[SERVICE_ACCOUNT, EMAIL])
def line(
    request: pytest.FixtureRequest,
    sigstore_instance: Sigstore,
    tmp_path_factory: pytest.TempPathFactory,
) -> Signed:
    bundle = keyless(sigstore_instance, request.param)
    (other,) = {SERVICE_ACCOUNT, EMAIL} - {request.param}
    files = in_files(tmp_path_factory.mktemp("lines"), bundle)
    return Signed(
        bundle, files, who(sigstore_instance, request.param), who(sigstore_instance, other)
    )


def wrong(signed: Signed) -> list[Who]:
    """Almost who signed."""
    right, other = signed.signer, signed.other
    identities = (other.identity, right.identity[:-1], right.identity + "x", "", ".*")
    return [
        *(replace(right, identity=identity) for identity in identities),
        replace(right, issuer=other.issuer),
        replace(right, issuer=right.issuer + "/"),
    ]


def test_sigstore_python_verifies_every_line_for_its_subject(
    line: Signed, sigstore_instance: Sigstore, tmp_path: Path
) -> None:
    model = tmp_path / "model"
    model.write_bytes(b"model")

    def verify(file: Path, about: Path | str, signer: Who = line.signer) -> Outcome:
        config = sigstore_instance.trust_config
        return sigstore_python(tmp_path, file, about, signer.identity, signer.issuer, config)

    for file in line.files:
        subject = statement_of(file.read_bytes())["subject"][-1]["digest"]["sha256"]
        said = verify(file, f"sha256:{subject}")
        assert said.accepted, said.words
    train, summary = line.files[2], line.files[4]
    for file in (train, summary):
        assert verify(file, model).accepted
        assert "no subject for digest" in verify(file, str(digest(b"another"))).words
    assert not verify(line.files[0], model).accepted
    for almost in wrong(line)[-3:]:
        said = verify(train, model, almost)
        assert not said.accepted
        assert "Certificate's" in said.words, said.words


def test_sigstore_js_verifies_every_line(line: Signed, sigstore_js: SigstoreJs) -> None:
    signer = line.signer
    for file in line.files:
        said = sigstore_js.by_identity(file, signer.identity, signer.issuer, signer.root)
        assert said.accepted, said.words
        assert said.signer == (signer.identity, signer.issuer)
        assert json.loads(said.payload) == statement_of(file.read_bytes())


def test_sigstore_js_refuses_almost_the_signer(line: Signed, sigstore_js: SigstoreJs) -> None:
    for almost in wrong(line):
        said = sigstore_js.by_identity(line.files[4], almost.identity, almost.issuer, almost.root)
        assert not said.accepted
        assert "UNTRUSTED_SIGNER_ERROR" in said.words


def test_sigstore_js_refuses_the_root_of_another_instance(
    line: Signed, sigstore_js: SigstoreJs, tmp_path: Path
) -> None:
    with running_sigstore(tmp_path) as other:
        signer = replace(line.signer, root=other.trusted_root)
    said = sigstore_js.by_identity(line.files[4], signer.identity, signer.issuer, signer.root)
    assert not said.accepted
    assert "CERTIFICATE_ERROR" in said.words


def _other_payload(value: Document) -> None:
    value["dsseEnvelope"]["payload"] = "e30="


def _other_signature(value: Document) -> None:
    sig = value["dsseEnvelope"]["signatures"][0]["sig"]
    value["dsseEnvelope"]["signatures"][0]["sig"] = sig[:-8] + sig[-8:].swapcase()


def _no_entry(value: Document) -> None:
    value["verificationMaterial"]["tlogEntries"] = []


@pytest.mark.parametrize("change", [_other_payload, _other_signature, _no_entry])
def test_sigstore_js_refuses_changed_lines(
    line: Signed, sigstore_js: SigstoreJs, tmp_path: Path, change: Callable[[Document], None]
) -> None:
    file = in_files(tmp_path, edit_line(line.bundle, 4, change))[4]
    signer = line.signer
    said = sigstore_js.by_identity(file, signer.identity, signer.issuer, signer.root)
    assert not said.accepted


def test_sigstore_js_verifies_what_a_key_signed(sigstore_js: SigstoreJs, tmp_path: Path) -> None:
    key, _ = key_pair(tmp_path)
    key_pair(tmp_path, "other")
    bundle = signed(tabular_run().chain(), key)
    files = in_files(tmp_path, bundle)
    for file in files:
        said = sigstore_js.by_key(file, tmp_path / "signer.pub")
        assert said.accepted, said.words
        assert json.loads(said.payload) == statement_of(file.read_bytes())
        stranger = sigstore_js.by_key(file, tmp_path / "other.pub")
        assert not stranger.accepted
        assert "key not found" in stranger.words
    for change in (_other_payload, _other_signature):
        file = in_files(tmp_path, edit_line(bundle, 4, change))[4]
        changed = sigstore_js.by_key(file, tmp_path / "signer.pub")
        assert "SIGNATURE_ERROR" in changed.words
