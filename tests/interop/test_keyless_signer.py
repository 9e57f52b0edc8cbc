"""Keyless signing with a real Fulcio, CT log and Rekor: we sign, we verify, exactly and offline."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from kfp_provenance.attest.identifiers import IN_RUN_BUILDER
from kfp_provenance.codes import Code, ExitCode
from kfp_provenance.errors import SigningError
from kfp_provenance.retry import Patience
from kfp_provenance.signing import keyless as keyless_module
from kfp_provenance.signing import open_signer
from kfp_provenance.verify import Identity, SigstoreRoot, Trust, Verification, verify_bundle
from kfp_provenance.verify.trust import Revocations, RevokedIdentity
from support.chains import content, signed, tabular_run
from support.forge import edit_line, joined, lines_of
from support.keyless_chain import EMAIL, SERVICE_ACCOUNT, keyless, signer_uri
from support.sigstore_instance import Sigstore, certificate_identity, running_sigstore

pytestmark = pytest.mark.interop


def trust_in(
    instance: Sigstore, identity: str = SERVICE_ACCOUNT, root: Path | None = None
) -> Trust:
    return Trust.for_identity(
        certificate_identity(identity),
        instance.issuer.of(identity),
        SigstoreRoot((root or instance.trusted_root).read_bytes()),
    )


def judge(bundle: bytes, trust: Trust, now: datetime | None = None) -> Verification:
    return verify_bundle(bundle, trust, content(b"model"), now=now or datetime.now(UTC))


def codes(bundle: bytes, trust: Trust, now: datetime | None = None) -> set[Code]:
    verdict = judge(bundle, trust, now).verdict
    assert verdict.exit_code is ExitCode.REFUSED
    return {finding.code for finding in verdict.findings}


@pytest.fixture(scope="module")
def bundle(sigstore_instance: Sigstore) -> bytes:
    return keyless(sigstore_instance)


@pytest.mark.parametrize("identity", [SERVICE_ACCOUNT, EMAIL])
def test_what_an_identity_signs_is_verified_by_it(
    sigstore_instance: Sigstore, identity: str
) -> None:
    made = keyless(sigstore_instance, identity)
    checked = judge(made, trust_in(sigstore_instance, identity))
    assert checked.verdict.findings == ()
    assert checked.view is not None
    assert len(checked.view.steps) == 4
    issuer = sigstore_instance.issuer.of(identity)
    assert checked.view.signers == (f"{certificate_identity(identity)} of {issuer}",)


NAME = certificate_identity(SERVICE_ACCOUNT)
OTHER = certificate_identity("team-b/signer")


@pytest.mark.parametrize(
    ("identity", "issuer"),
    [
        (OTHER, "{}"),
        (NAME, "https://issuer.example"),
        (NAME, "{}/"),
        (NAME[:-1], "{}"),
        (NAME + "x", "{}"),
        (NAME.upper(), "{}"),
        ("https://kubernetes.io/", "{}"),
        (".*", ".*"),
        (OTHER, "https://issuer.example"),
    ],
)
def test_identity_and_issuer_are_compared_exactly(
    sigstore_instance: Sigstore, bundle: bytes, identity: str, issuer: str
) -> None:
    right = trust_in(sigstore_instance)
    (signer,) = right.signers
    assert signer.identity is not None
    other = Identity(identity, issuer.format(signer.identity.issuer))
    wrong = replace(right, signers=(replace(signer, identity=other),))
    assert codes(bundle, wrong) == {Code.SIGNER_UNTRUSTED}


def test_a_name_that_looks_like_another_in_a_longer_one_is_another(
    sigstore_instance: Sigstore,
) -> None:
    """Fulcio puts what the issuer says into the certificate as it comes."""
    trust = trust_in(sigstore_instance)
    path = sigstore_instance.folder / "sly.token"
    path.touch(mode=0o600)
    for namespace, name in (("team-a/serviceaccounts/signer?", "x"), ("team-a", "signer2")):
        claims = {"namespace": namespace, "serviceaccount": {"name": name, "uid": "0"}}
        path.write_text(
            sigstore_instance.issuer.token(SERVICE_ACCOUNT, **{"kubernetes.io": claims})
        )
        signer = open_signer(
            f"sigstore:?token-file={path}&trust-config={sigstore_instance.trust_config}"
        )
        made = signed(tabular_run().chain(), signer, now=datetime.now(UTC))
        assert certificate_identity(SERVICE_ACCOUNT) in signer.name
        assert codes(made, trust) == {Code.SIGNER_UNTRUSTED}


def test_an_identity_speaks_only_for_its_builders_namespaces_and_pipelines(
    sigstore_instance: Sigstore, bundle: bytes
) -> None:
    trust = trust_in(sigstore_instance)
    (signer,) = trust.signers
    for change, code in (
        ({"builders": frozenset({"https://kfp-provenance.dev/builders/operator/v1"})},
         Code.BUILDER_UNTRUSTED),
        ({"namespaces": frozenset({"team-b"})}, Code.NAMESPACE_UNTRUSTED),
        ({"pipelines": frozenset({"another"})}, Code.PIPELINE_UNTRUSTED),
    ):  # fmt: skip
        limited = replace(trust, signers=(replace(signer, **change),))  # type: ignore[arg-type]
        assert codes(bundle, limited) == {code}
    exact = replace(signer, builders=frozenset({IN_RUN_BUILDER}), namespaces=frozenset({"team-a"}))
    assert judge(bundle, replace(trust, signers=(exact,))).verdict.passed


def test_years_later_the_saved_root_is_enough(sigstore_instance: Sigstore, bundle: bytes) -> None:
    later = datetime.now(UTC) + timedelta(days=3650)
    assert judge(bundle, trust_in(sigstore_instance), later).verdict.passed


def test_after_all_keys_of_the_instance_were_rotated(
    sigstore_instance: Sigstore, bundle: bytes, tmp_path: Path
) -> None:
    with running_sigstore(tmp_path) as new:
        rotated = sigstore_instance.rotated_root(new)
        assert judge(bundle, trust_in(sigstore_instance, root=rotated)).verdict.passed
        assert judge(keyless(new), trust_in(new, root=rotated)).verdict.passed
        # the new root alone does not know the old logs: a foreign root
        assert codes(bundle, trust_in(sigstore_instance, root=new.trusted_root)) == {
            Code.CERTIFICATE_INVALID
        }


def test_a_signature_after_the_end_of_a_rotated_log_is_refused(
    sigstore_instance: Sigstore, bundle: bytes, tmp_path: Path
) -> None:
    with running_sigstore(tmp_path) as new:
        ended = sigstore_instance.rotated_root(new, datetime.now(UTC) - timedelta(hours=12))
        assert codes(bundle, trust_in(sigstore_instance, root=ended)) == {Code.CERTIFICATE_INVALID}


def _flip(value: str) -> str:
    return ("B" if value[0] == "A" else "A") + value[1:]


@pytest.mark.parametrize(
    "change",
    [
        lambda m: m.update(tlogEntries=[]),
        lambda m: m["tlogEntries"].append(m["tlogEntries"][0]),
        lambda m: m["tlogEntries"][0].pop("inclusionPromise"),
        lambda m: m["tlogEntries"][0].pop("inclusionProof"),
        lambda m: m["tlogEntries"][0].update(integratedTime="1600000000"),
        lambda m: m["tlogEntries"][0].update(integratedTime="9" * 40),
        lambda m: m["tlogEntries"][0]["inclusionProof"].update(logIndex="9999"),
        lambda m: m["tlogEntries"][0]["inclusionProof"].update(checkpoint={"envelope": "x"}),
        lambda m: m["certificate"].update(rawBytes="AAAA"),
        lambda m: m["certificate"].update(rawBytes=_flip(m["certificate"]["rawBytes"])),
    ],
)
def test_changed_evidence_around_the_signature_is_refused(
    sigstore_instance: Sigstore, bundle: bytes, change: Callable[[dict[str, object]], object]
) -> None:
    for number in (0, 4):
        forged = edit_line(bundle, number, lambda line: change(line["verificationMaterial"]))
        assert codes(forged, trust_in(sigstore_instance)) <= {
            Code.CERTIFICATE_INVALID,
            Code.BUNDLE_MALFORMED,
        }


def test_the_log_entry_of_another_line_is_refused(
    sigstore_instance: Sigstore, bundle: bytes
) -> None:
    lines = lines_of(bundle)
    entries = json.loads(lines[1])["verificationMaterial"]["tlogEntries"]
    forged = edit_line(bundle, 0, lambda v: v["verificationMaterial"].update(tlogEntries=entries))
    assert codes(forged, trust_in(sigstore_instance)) == {Code.CERTIFICATE_INVALID}


def test_a_dropped_line_and_a_line_of_another_run_are_refused(
    sigstore_instance: Sigstore, bundle: bytes
) -> None:
    trust = trust_in(sigstore_instance)
    lines, other = lines_of(bundle), lines_of(keyless(sigstore_instance, run="run-2"))
    assert codes(joined([*lines[:1], *lines[2:]]), trust) >= {Code.SUMMARY_MISMATCH}
    assert codes(joined([other[0], *lines[1:]]), trust) >= {Code.SUMMARY_MISMATCH}


def test_a_key_does_not_stand_in_for_an_identity(
    sigstore_instance: Sigstore, bundle: bytes, tmp_path: Path
) -> None:
    from support.chains import key_pair

    signer, public = key_pair(tmp_path)
    with_key = signed(tabular_run().chain(), signer, now=datetime.now(UTC))
    assert codes(with_key, trust_in(sigstore_instance)) == {Code.SIGNER_UNTRUSTED}
    assert codes(bundle, Trust.for_key(public)) == {Code.SIGNER_UNTRUSTED}


def test_a_clock_that_was_set_back_disagrees_with_the_log(sigstore_instance: Sigstore) -> None:
    signer = open_signer(signer_uri(sigstore_instance, SERVICE_ACCOUNT))
    for wrong in (timedelta(days=-1), timedelta(minutes=10)):
        made = signed(tabular_run().chain(), signer, now=datetime.now(UTC) + wrong)
        later = datetime.now(UTC) + timedelta(hours=1)
        assert codes(made, trust_in(sigstore_instance), later) == {Code.TIME_INVALID}


def test_an_identity_is_revoked_from_a_logged_time_on(
    sigstore_instance: Sigstore, bundle: bytes
) -> None:
    trust = trust_in(sigstore_instance)
    (signer,) = trust.signers
    assert signer.identity is not None
    for since, passes in (
        (None, False),
        (datetime.now(UTC) - timedelta(hours=1), False),
        (datetime.now(UTC) + timedelta(hours=1), True),
    ):
        gone = Revocations(identities=(RevokedIdentity(signer.identity, since),))
        verdict = judge(bundle, replace(trust, revoked=gone)).verdict
        assert verdict.passed is passes
        assert {f.code for f in verdict.findings} <= {Code.SIGNER_REVOKED}


def test_no_token_is_shown(sigstore_instance: Sigstore) -> None:
    signer = open_signer(signer_uri(sigstore_instance, SERVICE_ACCOUNT))
    token = sigstore_instance.token_file(SERVICE_ACCOUNT).read_text()
    for shown in (repr(signer), str(signer), signer.name):
        assert not any(part in shown for part in token.split("."))


@pytest.mark.parametrize(
    ("text", "code"),
    [("not a token", Code.KEY_UNREADABLE), ("a.b.c", Code.IDENTITY_TOKEN_INVALID)],
)
def test_a_token_that_is_none_is_a_clear_error(
    sigstore_instance: Sigstore, tmp_path: Path, text: str, code: Code
) -> None:
    token = tmp_path / "token"
    token.touch(mode=0o600)
    token.write_text(text)
    with pytest.raises(SigningError) as caught:
        open_signer(f"sigstore:?token-file={token}&trust-config={sigstore_instance.trust_config}")
    assert caught.value.code is code
    assert text not in str(caught.value)


def test_a_token_of_an_unknown_issuer_is_denied(
    sigstore_instance: Sigstore, tmp_path: Path
) -> None:
    with running_sigstore(tmp_path) as other:
        stranger = other.token_file(EMAIL)
        stranger.chmod(0o600)
        with pytest.raises(SigningError) as caught:
            open_signer(
                f"sigstore:?token-file={stranger}&trust-config={sigstore_instance.trust_config}"
            )
    assert caught.value.code is Code.SIGNER_DENIED
    assert "Traceback" not in str(caught.value)


def test_an_instance_that_is_down_is_a_clear_error(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(keyless_module, "PATIENCE", Patience(total=0.2))
    with running_sigstore(tmp_path) as gone:
        signer, address = open_signer(signer_uri(gone, EMAIL)), signer_uri(gone, EMAIL)
    with pytest.raises(SigningError) as caught:
        open_signer(address)
    assert caught.value.code is Code.SIGNER_UNREACHABLE
    with pytest.raises(SigningError) as caught:
        signed(tabular_run().chain(), signer, now=datetime.now(UTC))
    assert caught.value.code is Code.SIGNER_UNREACHABLE
