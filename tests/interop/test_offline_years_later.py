"""``kprov verify`` needs no network and no young certificate: a saved root is enough, for years."""

from __future__ import annotations

import re
import sys
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from subprocess import run

import pytest
from cryptography import x509

from kfp_provenance.bundle import read_bundle
from support.chains import key_pair, signed, tabular_run
from support.command_line import CommandLine, Said, debian_program, without_network
from support.keyless_chain import EMAIL, SERVICE_ACCOUNT, Who, keyless, who
from support.sigstore_instance import Sigstore, running_sigstore
from support.tuf_repository import TufRepository

pytestmark = pytest.mark.interop

YEARS = 10
TEN_YEARS = f"+{YEARS}y"


@dataclass(frozen=True)
class Kept:
    """What was kept for years: a model, its bundle and a root of trust."""

    folder: Path
    signer: Who

    @property
    def model(self) -> Path:
        return self.folder / "model"

    @property
    def bundle(self) -> Path:
        return self.folder / "model.sigstore.jsonl"

    def verify(self, kprov: CommandLine, *trust: str) -> Said:
        trust = trust or self.signer.options
        return kprov("verify", self.model, "--bundle", self.bundle, *trust, "--json")


@pytest.fixture(params=["root at the time", "root after a rotation"])
def kept(request: pytest.FixtureRequest, sigstore_instance: Sigstore, tmp_path: Path) -> Kept:
    bundle, signer = keyless(sigstore_instance), who(sigstore_instance, SERVICE_ACCOUNT)
    if request.param == "root after a rotation":
        (tmp_path / "new").mkdir()
        with running_sigstore(tmp_path / "new") as new:
            signer = Who(signer.identity, signer.issuer, sigstore_instance.rotated_root(new))
    found = Kept(tmp_path, signer)
    found.model.write_bytes(b"model")
    found.bundle.write_bytes(bundle)
    return found


@pytest.fixture
def years_later(kprov: CommandLine) -> CommandLine:
    """No network at all, and a clock that is years ahead."""
    before = (*without_network(), debian_program("faketime"), "-f", TEN_YEARS)
    program = "import datetime as d; print(d.datetime.now(d.UTC).isoformat())"
    said = run([*before, sys.executable, "-c", program], capture_output=True, text=True, check=True)
    ahead = datetime.fromisoformat(said.stdout.strip()) - datetime.now(UTC)
    assert ahead > timedelta(days=364 * YEARS)
    return CommandLine(kprov.home, before)


def certificate(bundle: bytes) -> x509.Certificate:
    return x509.load_der_x509_certificate(read_bundle(bundle)[0].certificate)


def test_a_bundle_of_certificates_that_have_long_expired(
    kept: Kept, years_later: CommandLine
) -> None:
    expired = certificate(kept.bundle.read_bytes()).not_valid_after_utc
    assert expired < datetime.now(UTC) + timedelta(minutes=11)
    passed = kept.verify(years_later)
    assert passed.exit_code == 0, passed.output + passed.errors
    assert passed.json["chain"]["signedBy"] == [f"{kept.signer.identity} of {kept.signer.issuer}"]
    assert passed.json["notes"] == []


def test_what_does_not_hold_is_still_refused(
    kept: Kept, years_later: CommandLine, sigstore_instance: Sigstore
) -> None:
    mail = who(sigstore_instance, EMAIL)
    stranger = Who(mail.identity, mail.issuer, kept.signer.root)
    said = kept.verify(years_later, *stranger.options)
    assert (said.exit_code, said.codes) == (1, {"SIGNER_UNTRUSTED"})

    kept.model.write_bytes(b"another model")
    said = kept.verify(years_later)
    assert (said.exit_code, said.codes) == (1, {"SUBJECT_MISMATCH"})

    kept.model.write_bytes(b"model")
    lines = kept.bundle.read_bytes().splitlines(keepends=True)
    kept.bundle.write_bytes(b"".join(lines[1:]))
    said = kept.verify(years_later)
    assert said.exit_code == 1
    assert "SUMMARY_MISMATCH" in said.codes


def test_the_root_of_an_instance_that_came_later_is_not_enough(
    kept: Kept, years_later: CommandLine, tmp_path: Path
) -> None:
    (tmp_path / "stranger").mkdir()
    with running_sigstore(tmp_path / "stranger") as other:
        root = other.trusted_root
    signer = Who(kept.signer.identity, kept.signer.issuer, root)
    said = kept.verify(years_later, *signer.options)
    assert (said.exit_code, said.codes) == (1, {"CERTIFICATE_INVALID"})


def test_a_policy_with_a_maximum_age_goes_by_the_clock(
    kept: Kept, kprov: CommandLine, years_later: CommandLine
) -> None:
    (kept.folder / "root.json").write_bytes(kept.signer.root.read_bytes())
    policy = kept.folder / "trust.toml"
    policy.write_text(
        'version = 1\ntrusted_root = "root.json"\n'
        "[require]\nmaximum_age_days = 3000\n"
        f'[[signer]]\nidentity = "{kept.signer.identity}"\nissuer = "{kept.signer.issuer}"\n'
        'builders = ["https://kfp-provenance.dev/builders/in-run/v1"]\n'
    )
    assert kept.verify(kprov, f"--trust={policy}").exit_code == 0
    said = kept.verify(years_later, f"--trust={policy}")
    assert (said.exit_code, said.codes) == (1, {"BUNDLE_TOO_OLD"})


def test_a_bundle_of_a_key(years_later: CommandLine, tmp_path: Path) -> None:
    signer, _ = key_pair(tmp_path)
    kept = Kept(tmp_path, Who("", "", tmp_path))
    kept.model.write_bytes(b"model")
    kept.bundle.write_bytes(signed(tabular_run().chain(), signer))
    assert kept.verify(years_later, f"--key={tmp_path / 'signer.pub'}").exit_code == 0
    kept.model.write_bytes(b"another model")
    said = kept.verify(years_later, f"--key={tmp_path / 'signer.pub'}")
    assert (said.exit_code, said.codes) == (1, {"SUBJECT_MISMATCH"})


def test_nobody_is_even_asked(kept: Kept, kprov: CommandLine) -> None:
    calls = kept.folder / "calls"
    options = ("--follow-forks", "--quiet=all", "--trace=%network", f"--output={calls}")
    traced = CommandLine(kprov.home, (debian_program("strace"), *options))

    def names() -> set[str]:
        return set(re.findall(r"^\d+ +(\w+)\(", calls.read_text(), re.MULTILINE))

    assert kept.verify(traced).exit_code == 0
    # urllib3, when it is imported, binds a socket to see whether there is an IPv6
    assert names() <= {"socket", "bind"}, calls.read_text()
    (kept.folder / "repository").mkdir()
    first = TufRepository(kept.folder / "repository").first_root
    fetch = ("trust", "fetch", "--tuf-url=http://127.0.0.1:1", f"--tuf-root={first}")
    assert traced(*fetch, "-o", kept.folder / "fetched.json").exit_code == 2
    assert "connect" in names()  # it would have been seen
