"""A whole chain signed in a real OpenBao, verified with published keys; rotation, revocation."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import pytest

from kfp_provenance.attest import IN_RUN_BUILDER
from kfp_provenance.codes import Code
from kfp_provenance.verify import Trust, load_trust, verify_bundle
from support.chains import NOW, content, signed, tabular_run
from support.openbao import OpenBao
from support.vault_signer import open_key_signer

pytest_plugins = ["support.vault_fixtures"]
pytestmark = pytest.mark.interop
LATER = NOW + timedelta(days=1)


def policy(folder: Path, *lines: str) -> Trust:
    """The first key until it was rotated, the second from then on."""
    between = (NOW + timedelta(hours=1)).isoformat()
    (folder / "trust.toml").write_text(
        "\n".join(
            [
                "version = 1",
                *(
                    f'[[signer]]\nkey = "{name}"\nbuilders = ["{IN_RUN_BUILDER}"]\n{period}'
                    for name, period in (
                        ("signer-v1.pub", f"not_after = {between}"),
                        ("signer-v2.pub", f"not_before = {between}"),
                    )
                ),
                *lines,
            ]
        )
    )
    return load_trust(folder / "trust.toml")


def codes(data: bytes, trust: Trust) -> set[Code]:
    found = verify_bundle(data, trust, content(b"model"), now=LATER)
    assert found.verdict.passed is not bool(found.verdict.findings)
    return {finding.code for finding in found.verdict.findings}


def test_bundles_of_before_and_after_a_rotation_are_verified_without_the_server(
    vault: OpenBao, key: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("VAULT_TOKEN", vault.token(vault.allow_signing(key)))
    chain = tabular_run().chain()
    old = open_key_signer(f"vault:{key}")
    (tmp_path / "signer-v1.pub").write_bytes(old.public_pem)
    first = signed(chain, old)
    vault.rotate_key(key)
    new = open_key_signer(f"vault:{key}")
    (tmp_path / "signer-v2.pub").write_bytes(new.public_pem)
    second = signed(chain, new, now=LATER)
    assert (old.public_pem, new.public_pem) == tuple(
        vault.public_key(key, version).encode() for version in (1, 2)
    )

    monkeypatch.setenv("VAULT_ADDR", "http://127.0.0.1:9")
    trust = policy(tmp_path)
    assert codes(first, trust) == set()
    assert codes(second, trust) == set()
    # with the old version still signing, after its time
    late = signed(chain, old, now=LATER)
    assert codes(late, trust) == {Code.SIGNER_EXPIRED}
    revoked = policy(tmp_path, f'[revoked]\nkeys = ["{old.hint}"]')
    assert codes(first, revoked) == {Code.SIGNER_REVOKED}
    assert codes(second, revoked) == set()
