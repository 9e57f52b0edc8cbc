"""The stock cosign verifies every line of our bundles, and signs statements that we verify."""

from __future__ import annotations

import hashlib
import subprocess
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import pytest

from kfp_provenance.attest import (
    PROVENANCE_TYPE,
    SUMMARY_TYPE,
    AttestationReference,
    make_statements,
    make_summary,
)
from kfp_provenance.lineage import Rehash
from kfp_provenance.signing import open_signer
from support.chains import ENVIRONMENT, METRICS, digest, signed, tabular_run
from support.command_line import CommandLine, Said
from support.cosign import Answer, Cosign, Trust, by_identity, by_key, by_logged_key
from support.forge import joined, lines_of, statement_of
from support.keyless_chain import EMAIL, SERVICE_ACCOUNT, Who, keyless, who
from support.sigstore_instance import Sigstore

pytestmark = pytest.mark.interop

PASSPHRASE = "correct horse battery staple"
OUTPUTS = {
    hashlib.sha256(data).hexdigest(): data
    for data in (b"tableraw", b"trainrun-1", b"testrun-1", b"model", METRICS)
}
"""Bytes of every output of the run, by their digest."""
TYPES = {PROVENANCE_TYPE: "slsaprovenance1", SUMMARY_TYPE: SUMMARY_TYPE}
"""What cosign calls a predicate type: a short name, or the URI."""


@dataclass(frozen=True)
class Case:
    """A bundle taken apart by ``kprov``, and whom cosign and ``kprov`` trust for it."""

    files: tuple[Path, ...]
    trust: Trust
    others: tuple[Trust, ...]


def split(folder: Path, bundle: bytes) -> tuple[Path, ...]:
    path = folder / "bundle.sigstore.jsonl"
    path.write_bytes(bundle)
    said = CommandLine(folder / "home").succeed("bundle", "split", path, folder / "lines")
    files = tuple(map(Path, said.output.splitlines()))
    assert [file.read_bytes() for file in files] == lines_of(bundle)
    return files


def key_case(folder: Path) -> Case:
    """Signed with a key of ``kprov key new``; the PEM is also what ``kprov key public`` says."""
    kprov = CommandLine(folder / "home", variables={"KPROV_KEY_PASSPHRASE": PASSPHRASE})
    for name in ("signer", "other"):
        kprov.succeed("key", "new", folder / f"{name}.key")
    kprov.succeed("key", "public", f"file:{folder / 'signer.key'}", "-o", folder / "public.pem")
    assert (folder / "public.pem").read_bytes() == (folder / "signer.pub").read_bytes()
    signer = open_signer(f"file:{folder / 'signer.key'}", lambda _: PASSPHRASE)
    bundle = signed(tabular_run().chain(), signer)
    others = (by_key(folder / "other.pub"), Trust((f"--key={folder / 'public.pem'}",)))
    return Case(split(folder, bundle), by_key(folder / "public.pem"), others)


def keyless_case(folder: Path, instance: Sigstore, identity: str) -> Case:
    signer = who(instance, identity)
    (other,) = (who(instance, one) for one in (SERVICE_ACCOUNT, EMAIL) if one != identity)
    others = (
        by_identity(other.identity, signer.issuer, signer.root),
        by_identity(signer.identity, other.issuer, signer.root),
        by_identity(signer.identity[:-1], signer.issuer, signer.root),
    )
    bundle = keyless(instance, identity)
    return Case(split(folder, bundle), trust(signer), others)


def trust(signer: Who) -> Trust:
    return by_identity(signer.identity, signer.issuer, signer.root)


@pytest.fixture(scope="module", params=["key", SERVICE_ACCOUNT, EMAIL])
def case(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Case:
    folder = tmp_path_factory.mktemp("bundle")
    if request.param == "key":
        return key_case(folder)
    return keyless_case(folder, request.getfixturevalue("sigstore_instance"), request.param)


def test_cosign_verifies_every_line_for_every_subject(
    case: Case, cosign: Cosign, tmp_path: Path
) -> None:
    names = ["0001-step", "0002-step", "0003-step", "0004-step", "0005-summary"]
    assert [file.name for file in case.files] == [f"{name}.sigstore.json" for name in names]
    output, seen = tmp_path / "output", set()
    for file in case.files:
        statement = statement_of(file.read_bytes())
        for subject in statement["subject"]:
            sha256 = subject["digest"]["sha256"]
            output.write_bytes(OUTPUTS[sha256])
            seen.add(sha256)
            for about in (output, sha256):
                said = cosign.verify(file, TYPES[statement["predicateType"]], about, case.trust)
                assert said.accepted, said.words
    assert seen == OUTPUTS.keys()


def test_cosign_refuses_what_a_line_does_not_say(
    case: Case, cosign: Cosign, tmp_path: Path
) -> None:
    *steps, summary = case.files
    model, other = tmp_path / "model", tmp_path / "other"
    model.write_bytes(b"model")
    other.write_bytes(b"another model")
    train = steps[2]
    assert cosign.verify(train, "slsaprovenance1", model, case.trust).accepted

    def refused(file: Path, kind: str, about: Path | str, trust: Trust) -> str:
        said = cosign.verify(file, kind, about, trust)
        assert not said.accepted
        return said.words

    for file, kind in ((train, "slsaprovenance1"), (summary, SUMMARY_TYPE)):
        assert "digest" in refused(file, kind, other, case.trust)
        assert "digest" in refused(file, kind, hashlib.sha256(b"x").hexdigest(), case.trust)
        for wrong in case.others:
            refused(file, kind, model, wrong)
    assert "predicate type" in refused(train, SUMMARY_TYPE, model, case.trust)
    assert "predicate type" in refused(summary, "slsaprovenance1", model, case.trust)
    # of another step; and a file with two lines is no bundle
    assert "digest" in refused(steps[0], "slsaprovenance1", model, case.trust)
    both = tmp_path / "both.json"
    both.write_bytes(joined([file.read_bytes() for file in (train, summary)]))
    refused(both, "slsaprovenance1", model, case.trust)


@pytest.fixture(scope="module")
def instance(sigstore_instance: Sigstore) -> Sigstore:
    """With a log that is not empty.

    JSON of protobuf leaves out what is zero, so cosign writes no index for a log's first entry;
    sigstore-python (4.5) cannot read such a bundle.
    """
    keyless(sigstore_instance)
    return sigstore_instance


def cosigned(folder: Path, attest: Callable[[Path, Path], Answer]) -> Path:
    """A bundle of our statements, every line as cosign wrote it."""
    chain = tabular_run().chain()
    statement, line = folder / "statement.json", folder / "line.sigstore.json"

    def sign(payload: bytes) -> bytes:
        statement.write_bytes(payload)
        said = attest(statement, line)
        assert said.accepted, said.words
        made = line.read_bytes()
        assert b"\n" not in made
        line.unlink()
        return made

    lines = [sign(made) for made in make_statements(chain, {ENVIRONMENT.digest: ENVIRONMENT})]
    references = [
        AttestationReference(step.id, digest(line))
        for step, line in zip(chain.steps, lines, strict=True)
    ]
    summary = make_summary(chain, references, stored=Rehash().stored, now=datetime.now(UTC))
    bundle = folder / "cosigned.sigstore.jsonl"
    bundle.write_bytes(joined([*lines, sign(summary)]))
    return bundle


def judged(kprov: CommandLine, bundle: Path, *trust: str, model: bytes = b"model") -> Said:
    kprov.home.mkdir(exist_ok=True)
    path = kprov.home / "model"
    path.write_bytes(model)
    return kprov("verify", path, "--bundle", bundle, *trust, "--json")


@pytest.mark.parametrize("identity", [SERVICE_ACCOUNT, EMAIL])
def test_cosign_signs_keyless_and_we_verify(
    instance: Sigstore, cosign: Cosign, kprov: CommandLine, tmp_path: Path, identity: str
) -> None:
    token = instance.token_file(identity)
    bundle = cosigned(
        tmp_path, lambda statement, line: cosign.attest(statement, line, token, instance)
    )
    signer = who(instance, identity)
    passed = judged(kprov, bundle, *signer.options)
    assert passed.exit_code == 0, passed.output
    assert len(passed.json["chain"]["steps"]) == 4
    assert passed.json["chain"]["signedBy"] == [f"{signer.identity} of {signer.issuer}"]

    other = judged(kprov, bundle, *signer.options, model=b"another")
    assert (other.exit_code, other.codes) == (1, {"SUBJECT_MISMATCH"})
    options = (f"--identity={signer.identity}x", *signer.options[1:])
    stranger = judged(kprov, bundle, *options)
    assert (stranger.exit_code, stranger.codes) == (1, {"SIGNER_UNTRUSTED"})


@pytest.mark.parametrize("key", ["made by cosign", "made by us"])
@pytest.mark.parametrize("logged", [False, True])
def test_cosign_signs_with_a_key_and_we_verify(
    instance: Sigstore,
    cosign: Cosign,
    kprov: CommandLine,
    tmp_path: Path,
    key: str,
    logged: bool,
) -> None:
    prefix = tmp_path / "cosign"
    if key == "made by cosign":
        made = cosign.new_key(prefix)
    else:
        made = cosign.import_key(our_key(tmp_path), prefix)
    assert made.accepted, made.words
    private, public = prefix.with_suffix(".key"), prefix.with_suffix(".pub")
    log = instance if logged else None
    bundle = cosigned(
        tmp_path, lambda statement, line: cosign.attest_with_key(statement, line, private, log)
    )
    passed = judged(kprov, bundle, f"--key={public}")
    assert passed.exit_code == 0, passed.output

    *_, summary = split(tmp_path, bundle.read_bytes())
    trust = by_logged_key(public, instance.trusted_root) if logged else by_key(public)
    said = cosign.verify(summary, SUMMARY_TYPE, digest(b"model").hex, trust)
    assert said.accepted, said.words
    other = cosign.new_key(tmp_path / "other")
    assert other.accepted
    stranger = judged(kprov, bundle, f"--key={tmp_path / 'other.pub'}")
    assert (stranger.exit_code, stranger.codes) == (1, {"SIGNER_UNTRUSTED"})


def our_key(folder: Path) -> Path:
    """A key of ``kprov key new`` without its passphrase, with which cosign does not import it."""
    kprov = CommandLine(folder / "home", variables={"KPROV_KEY_PASSPHRASE": PASSPHRASE})
    kprov.succeed("key", "new", folder / "ours.key")
    plain = folder / "plain.key"
    command = ["openssl", "pkcs8", "-topk8", "-nocrypt", "-passin", "env:KPROV_KEY_PASSPHRASE"]
    subprocess.run(
        [*command, "-in", folder / "ours.key", "-out", plain], env=kprov.variables, check=True
    )
    return plain
