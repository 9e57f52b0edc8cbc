"""``kprov trust show`` of real roots and of policies, and what it says to damaged files."""

from __future__ import annotations

import hashlib
from pathlib import Path

import pytest

from support.chains import key_pair
from support.command_line import CommandLine
from support.keyless_chain import EMAIL, SERVICE_ACCOUNT, who
from support.sigstore_instance import Sigstore, running_sigstore

pytestmark = pytest.mark.interop

IN_RUN = "https://kfp-provenance.dev/builders/in-run/v1"
OPERATOR = "https://kfp-provenance.dev/builders/operator/v1"
REVOKED = "sha256:" + "0" * 64

TOML = """\
version = 1
roots = ["gs://raw-data/flights.parquet"]
trusted_root = "trusted_root.json"

[[signer]]
identity = "{0.identity}"
issuer = "{0.issuer}"
builders = ["{in_run}"]
namespaces = ["team-a"]
pipelines = ["tabular-training"]
not_after = 2036-01-31T00:00:00Z

[[signer]]
key = "keys/alice.pub"
builders = ["{operator}"]

[require]
steps = ["evaluate"]
maximum_age_days = 90

[revoked]
digests = ["{revoked}"]
[[revoked.identities]]
identity = "{1.identity}"
issuer = "{1.issuer}"
"""
YAML = """\
version: 1
roots: ["gs://raw-data/flights.parquet"]
trusted_root: trusted_root.json
signer:
  - identity: "{0.identity}"
    issuer: "{0.issuer}"
    builders: ["{in_run}"]
    namespaces: [team-a]
    pipelines: [tabular-training]
    not_after: 2036-01-31T00:00:00Z
  - key: keys/alice.pub
    builders: ["{operator}"]
require:
  steps: [evaluate]
  maximum_age_days: 90
revoked:
  digests: ["{revoked}"]
  identities:
    - identity: "{1.identity}"
      issuer: "{1.issuer}"
"""


@pytest.fixture
def folder(sigstore_instance: Sigstore, tmp_path: Path) -> Path:
    """The same policy twice, and the files that it names."""
    found = tmp_path / "policy"
    (found / "keys").mkdir(parents=True)
    key_pair(found / "keys", "alice")
    (found / "trusted_root.json").write_bytes(sigstore_instance.trusted_root.read_bytes())
    people = [who(sigstore_instance, identity) for identity in (SERVICE_ACCOUNT, EMAIL)]
    uris = {"in_run": IN_RUN, "operator": OPERATOR, "revoked": REVOKED}
    (found / "trust.toml").write_text(TOML.format(*people, **uris))
    (found / "trust.yaml").write_text(YAML.format(*people, **uris))
    return found


def test_a_root_before_and_after_a_rotation(
    sigstore_instance: Sigstore, kprov: CommandLine, tmp_path: Path
) -> None:
    path = sigstore_instance.trusted_root
    shown = kprov.succeed("trust", "show", path, "--json").json
    assert shown["digest"] == f"sha256:{hashlib.sha256(path.read_bytes()).hexdigest()}"
    services = ["certificate authority", "certificate log", "signature log"]
    assert [row["what"] for row in shown["authorities"]] == services
    assert all(row["name"] and row["from"] and not row["until"] for row in shown["authorities"])
    text = kprov.succeed("trust", "show", path).output
    for word in (str(path), shown["digest"], *services, *(r["name"] for r in shown["authorities"])):
        assert word in text

    with running_sigstore(tmp_path) as new:
        rotated = sigstore_instance.rotated_root(new)
    rows = kprov.succeed("trust", "show", rotated, "--json").json["authorities"]
    assert [row["what"] for row in rows] == sorted(services * 2)
    assert [bool(row["until"]) for row in rows] == [True, False] * 3
    for old, fresh in zip(rows[::2], rows[1::2], strict=True):
        # within the same second
        assert old["until"].partition(".")[0] == fresh["from"].partition(".")[0].partition("+")[0]


@pytest.mark.parametrize("name", ["trust.toml", "trust.yaml"])
def test_a_policy_in_both_languages(
    sigstore_instance: Sigstore, kprov: CommandLine, folder: Path, name: str
) -> None:
    path, signer = folder / name, who(sigstore_instance, SERVICE_ACCOUNT)
    shown = kprov.succeed("trust", "show", path, "--json").json
    first, second = shown["signers"]
    assert first["signer"] == f"{signer.identity} of {signer.issuer}"
    assert (first["pipelines"], first["namespaces"]) == ("tabular-training", "team-a")
    assert first["not after"] == "2036-01-31T00:00:00Z"
    assert (second["pipelines"], second["namespaces"]) == ("any", "any")
    assert shown["roots"] == "gs://raw-data/flights.parquet"
    assert shown["required steps"] == "evaluate"
    assert shown["maximum age"] == "90 days"
    assert shown["revoked"] == "1 digests, 0 keys, 1 identities"
    root = kprov.succeed("trust", "show", folder / "trusted_root.json", "--json").json
    assert shown["root of trust"] == root["digest"]

    text = kprov.succeed("trust", "show", path).output
    for word in (signer.identity, "team-a", "evaluate", "90 days", shown["revision"]):
        assert word in text


def test_the_revision_changes_with_every_file_of_a_policy(kprov: CommandLine, folder: Path) -> None:
    def revision() -> str:
        said = kprov.succeed("trust", "show", folder / "trust.toml", "--json")
        return str(said.json["revision"])

    seen = {revision()}
    (folder / "trusted_root.json").write_bytes((folder / "trusted_root.json").read_bytes() + b"\n")
    seen.add(revision())
    (folder / "keys" / "alice.pub").unlink()
    (folder / "keys" / "alice.key").unlink()
    key_pair(folder / "keys", "alice")
    seen.add(revision())
    assert len(seen) == 3


ROOT = b'{"mediaType": "application/vnd.dev.sigstore.trustedroot+json;version=0.1"'


@pytest.mark.parametrize(
    ("name", "data"),
    [
        ("root.json", b""),
        ("root.json", b"{}"),
        ("root.json", b"[" * 100_000),
        ("root.json", b"\xff\xfe"),
        ("root.json", b"null"),
        ("root.json", ROOT + b', "tlogs": [{"baseUrl": "x"}]}'),
        ("root.json", ROOT + b', "tlogs": [], "tlogs": []}'),
        ("root.json", b'{"a": "' + b"x" * (5 << 20) + b'"}'),
        ("trust.toml", b""),
        ("trust.toml", b"version = 1"),
        ("trust.toml", b"version = 1\nsigner = []"),
        ("trust.toml", b"version = \xff"),
        ("trust.toml", b"x = " + b"[" * 100_000),
        ("trust.yaml", b"version: 1\nversion: 1"),
        ("trust.yaml", b"a: &a [*a, *a]"),
        ("trust.yaml", b"{" * 100_000),
        ("trust.yaml", b"!!python/object/apply:os.getcwd []"),
        ("trust.yaml", b"- \x00"),
        ("trust", b'{"version": 1}'),
    ],
    ids=range(19),
)
def test_a_damaged_file(kprov: CommandLine, tmp_path: Path, name: str, data: bytes) -> None:
    path = tmp_path / name
    path.write_bytes(data)
    said = kprov("trust", "show", path)
    assert (said.exit_code, said.output) == (2, "")
    assert "TRUST_INVALID" in said.errors
    assert len(said.errors) < 3000
    policy = kprov("verify", path, "--bundle", path, "--trust", path, "--json")
    assert policy.exit_code == 2
    assert policy.codes == {"TRUST_INVALID"}


def test_a_file_that_cannot_be_read(kprov: CommandLine, folder: Path, tmp_path: Path) -> None:
    (tmp_path / "link").symlink_to("link")
    absent = [tmp_path / "not-there.json", tmp_path / "not-there.toml", tmp_path, tmp_path / "link"]
    for path in absent:
        said = kprov("trust", "show", path, "--json")
        assert (said.exit_code, said.codes) == (2, {"TRUST_INVALID"})
    for name in ("keys/alice.pub", "trusted_root.json"):
        whole = (folder / name).read_bytes()
        for damaged in (whole[: len(whole) // 2], b""):
            (folder / name).write_bytes(damaged)
            for policy in ("trust.toml", "trust.yaml"):
                said = kprov("trust", "show", folder / policy, "--json")
                assert (said.exit_code, said.codes) == (2, {"TRUST_INVALID"})
        (folder / name).write_bytes(whole)
