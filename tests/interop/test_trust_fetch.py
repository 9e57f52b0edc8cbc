"""``kprov trust fetch`` from a real TUF repository on loopback, and from files."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from securesystemslib.signer import CryptoSigner

from support.command_line import CommandLine, Said, without_network
from support.keyless_chain import SERVICE_ACCOUNT as NAME
from support.keyless_chain import Who, keyless, who
from support.sigstore_instance import Sigstore, running_sigstore
from support.tuf_repository import A_DAY, TufRepository, serving

pytestmark = pytest.mark.interop


@dataclass
class Instance:
    """A private Sigstore's TUF repository, and a client that never saw it before."""

    repository: TufRepository
    address: str
    kprov: CommandLine
    saved: Path
    files: dict[str, bytes] = field(default_factory=dict)

    def publish(self, root: Path, **options: Any) -> None:
        self.files["trusted_root.json"] = root.read_bytes()
        self.repository.publish(self.files, **options)

    def fetch(self, *more: object) -> Said:
        return self.kprov(
            "trust", "fetch", f"--tuf-url={self.address}", "-o", self.saved, "--json", *more
        )

    def fetched(self, *more: object) -> dict[str, Any]:
        """The root as it was saved; this must succeed."""
        said = self.fetch(*more)
        assert said.exit_code == 0, said.output
        root: dict[str, Any] = json.loads(self.saved.read_bytes())
        return root

    def refused(self, code: str, why: str = "") -> None:
        """An update is refused, says why, and changes nothing."""
        before = self.saved.read_bytes() if self.saved.exists() else None
        said = self.fetch("--replace")
        assert (said.exit_code, said.codes) == (2, {code}), said.output
        assert why in said.json["error"]["found"]
        assert before == (self.saved.read_bytes() if self.saved.exists() else None)
        assert [p.name for p in self.saved.parent.iterdir()] == [self.saved.name] * bool(before)

    @property
    def first(self) -> str:
        return f"--tuf-root={self.repository.first_root}"


@pytest.fixture
def instance(sigstore_instance: Sigstore, kprov: CommandLine, tmp_path: Path) -> Iterator[Instance]:
    for name in ("repository", "saved"):
        (tmp_path / name).mkdir()
    repository = TufRepository(tmp_path / "repository")
    with serving(repository.folder) as address:
        made = Instance(repository, address, kprov, tmp_path / "saved" / "trusted_root.json")
        made.files["signing_config.v0.2.json"] = sigstore_instance.signing_config.read_bytes()
        made.publish(sigstore_instance.trusted_root)
        yield made


def authorities(root: dict[str, Any]) -> list[int]:
    return [len(root[kind]) for kind in ("certificateAuthorities", "ctlogs", "tlogs")]


def passes(kprov: CommandLine, folder: Path, bundle: bytes, signer: Who, root: Path) -> bool:
    model, path = folder / "model", folder / "bundle.sigstore.jsonl"
    model.write_bytes(b"model")
    path.write_bytes(bundle)
    options = (*signer.options[:2], f"--trusted-root={root}")
    said = kprov("verify", model, "--bundle", path, *options, "--json")
    assert said.exit_code == 0 or said.codes == {"CERTIFICATE_INVALID"}, said.output
    return said.exit_code == 0


def test_a_fetched_root_is_believed_and_updated_after_a_rotation(
    instance: Instance, sigstore_instance: Sigstore, tmp_path: Path
) -> None:
    def passed(bundle: bytes, of: Sigstore) -> bool:
        return passes(instance.kprov, tmp_path, bundle, who(of, NAME), instance.saved)

    instance.refused("USAGE")  # nothing is believed at first sight
    assert authorities(instance.fetched(instance.first)) == [1, 1, 1]
    assert instance.saved.stat().st_mode & 0o777 == 0o644
    before = keyless(sigstore_instance)
    assert passed(before, sigstore_instance)

    (tmp_path / "new").mkdir()
    with running_sigstore(tmp_path / "new") as new:
        rotated = sigstore_instance.rotated_root(new)
        after = keyless(new)
    assert not passed(after, new)
    instance.repository.rotate_root()
    instance.publish(rotated)
    held = instance.fetch()
    assert (held.exit_code, held.codes) == (2, {"USAGE"})
    assert authorities(json.loads(instance.saved.read_bytes())) == [1, 1, 1]
    # later fetches need no first root: the last one is remembered, and leads to the new key
    assert authorities(instance.fetched("--replace")) == [2, 2, 2]
    assert passed(before, sigstore_instance)
    assert passed(after, new)


def test_a_repository_that_must_not_be_believed(
    instance: Instance, sigstore_instance: Sigstore
) -> None:
    root = sigstore_instance.trusted_root
    stranger = CryptoSigner.generate_ecdsa()
    instance.publish(root, key=stranger)
    said = instance.fetch(instance.first)
    assert (said.exit_code, said.codes) == (2, {"TRUST_INVALID"})
    assert not instance.saved.exists()

    instance.publish(root)
    instance.fetched(instance.first)
    instance.publish(root, key=stranger)
    instance.refused("TRUST_INVALID", "signed by 0/1 keys")
    instance.publish(root, lifetime=-A_DAY)
    instance.refused("TRUST_INVALID", "is expired")
    instance.repository.version = 1  # what was published before what was seen already
    instance.publish(root)
    instance.refused("TRUST_INVALID", "BadVersionNumberError")
    (instance.repository.folder / "timestamp.json").write_bytes(b"not a timestamp")
    instance.refused("TRUST_INVALID")


def test_a_root_that_was_changed_on_the_server(instance: Instance) -> None:
    for file in (instance.repository.folder / "targets").iterdir():
        file.write_bytes(file.read_bytes().replace(b"20", b"19", 1))
    said = instance.fetch(instance.first)
    assert (said.exit_code, said.codes) == (2, {"TRUST_INVALID"})
    assert "does not match" in said.json["error"]["found"]
    assert not instance.saved.exists()


@pytest.mark.parametrize("content", [b"{}", b"[]", b"", b"\xff", b'{"tlogs": []}'])
def test_a_repository_whose_root_of_trust_is_none(
    instance: Instance, tmp_path: Path, content: bytes
) -> None:
    (tmp_path / "none").write_bytes(content)
    instance.publish(tmp_path / "none")
    said = instance.fetch(instance.first)
    assert (said.exit_code, said.codes) == (2, {"TRUST_INVALID"})
    assert not instance.saved.exists()


def test_a_server_that_is_down(instance: Instance, kprov: CommandLine) -> None:
    instance.fetched(instance.first)
    with serving(instance.repository.folder) as address:
        pass
    instance.address = address
    instance.saved.unlink()
    said = instance.fetch(instance.first)
    assert (said.exit_code, said.codes) == (2, {"SIGNER_UNREACHABLE"})
    assert "refused" in said.json["error"]["found"]
    assert not instance.saved.exists()


def test_the_public_good_instance_without_a_network(kprov: CommandLine) -> None:
    alone = CommandLine(kprov.home, without_network())
    said = alone("trust", "fetch", "-o", kprov.home / "root.json", "--json")
    assert (said.exit_code, said.codes) == (2, {"SIGNER_UNREACHABLE"})
    assert not (kprov.home / "root.json").exists()


@pytest.mark.parametrize(
    "options",
    [
        ("--from={trust}", "--tuf-url={address}"),
        ("--from={trust}", "--tuf-root={first}"),
        ("--tuf-root={first}",),
        ("--tuf-url={address}", "--tuf-root={first}.not-there"),
    ],
)
def test_sources_that_do_not_fit_together(
    instance: Instance, sigstore_instance: Sigstore, options: tuple[str, ...]
) -> None:
    given = [
        option.format(
            trust=sigstore_instance.trust_config,
            address=instance.address,
            first=instance.repository.first_root,
        )
        for option in options
    ]
    said = instance.kprov("trust", "fetch", "-o", instance.saved, "--json", *given)
    assert (said.exit_code, said.codes) == (2, {"USAGE"})
    assert not instance.saved.exists()


def test_a_file_that_cannot_be_written(instance: Instance, tmp_path: Path) -> None:
    instance.saved = tmp_path / "not" / "there"
    for more in ((instance.first,), ("--replace",)):
        said = instance.fetch(*more)
        assert (said.exit_code, said.codes) == (2, {"USAGE"})
    instance.saved = tmp_path / "saved"  # a folder
    said = instance.fetch("--replace")
    assert (said.exit_code, said.codes) == (2, {"USAGE"})
    assert not [path for path in tmp_path.iterdir() if path.name.startswith("tmp")]


def test_a_root_from_a_file_needs_no_network(
    sigstore_instance: Sigstore, kprov: CommandLine, tmp_path: Path
) -> None:
    bundle, saved = keyless(sigstore_instance), tmp_path / "saved.json"
    wanted = json.loads(sigstore_instance.trusted_root.read_bytes())
    alone = CommandLine(kprov.home, without_network())
    for source in (sigstore_instance.trust_config, sigstore_instance.trusted_root):
        alone.succeed("trust", "fetch", f"--from={source}", "-o", saved, "--replace")
        assert json.loads(saved.read_bytes()) == wanted
        assert passes(kprov, tmp_path, bundle, who(sigstore_instance, NAME), saved)
    held = alone("trust", "fetch", f"--from={sigstore_instance.trust_config}", "-o", saved)
    assert held.exit_code == 2
    assert "--replace" in held.errors
