"""The file: one Sigstore bundle per line, opaque, within limits."""

from __future__ import annotations

import base64
import hashlib
import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from sigstore_models.bundle.v1 import Bundle

from kfp_provenance.attest import parse_statement
from kfp_provenance.attest.identifiers import BUNDLE_MEDIA_TYPE
from kfp_provenance.bundle import (
    MAX_BUNDLE,
    LineKind,
    line_kind,
    read_bundle,
    read_bundle_file,
    split_bundle,
    write_bundle,
)
from kfp_provenance.codes import Code
from kfp_provenance.errors import BundleError, ChainError
from kfp_provenance.facts import Finding
from kfp_provenance.lineage import Rehash
from kfp_provenance.signing import KeySigner
from support.chains import (
    MemoryReader,
    Recorded,
    RunBuilder,
    artifact,
    key_pair,
    linear_run,
    read,
    signed,
    source,
    tabular_run,
)
from support.forge import edit_line, joined, lines_of, statement_of


@pytest.fixture(scope="module")
def signer(tmp_path_factory: pytest.TempPathFactory) -> KeySigner:
    return key_pair(tmp_path_factory.mktemp("keys"))[0]


@pytest.fixture(scope="module")
def bundle(signer: KeySigner) -> bytes:
    return signed(tabular_run().chain(), signer)


def refused(data: bytes) -> BundleError:
    with pytest.raises(BundleError) as caught:
        read_bundle(data)
    return caught.value


def test_each_line_is_a_sigstore_bundle(bundle: bytes, signer: KeySigner) -> None:
    assert bundle.endswith(b"\n")
    for line in lines_of(bundle):
        model = Bundle.from_json(line)
        assert model.media_type == BUNDLE_MEDIA_TYPE
        assert model.verification_material.public_key.hint == signer.hint
        assert len(model.dsse_envelope.signatures) == 1


def test_steps_come_first_and_the_summary_names_them_by_digest(bundle: bytes) -> None:
    lines = read_bundle(bundle)
    assert [line_kind(line) for line in lines] == [LineKind.STEP] * 4 + [LineKind.SUMMARY]
    named = statement_of(lines[-1].raw)["predicate"]["inputAttestations"]
    assert [a["digest"]["sha256"] for a in named] == [
        hashlib.sha256(raw).hexdigest() for raw in lines_of(bundle)[:-1]
    ]
    assert [a["name"] for a in named] == [
        f"run-1/{task}" for task in ("ingest", "preprocess", "train", "evaluate")
    ]


def test_the_payload_is_kept_as_it_was_signed(bundle: bytes) -> None:
    for line, raw in zip(read_bundle(bundle), lines_of(bundle), strict=True):
        text = json.loads(raw)["dsseEnvelope"]["payload"]
        assert base64.b64encode(line.payload).decode() == text
        assert line.raw == raw


def test_split_files_have_the_digest_that_the_summary_names(bundle: bytes) -> None:
    files = split_bundle(read_bundle(bundle))
    assert [file.name for file in files] == [
        *(f"000{n}-step.sigstore.json" for n in range(1, 5)),
        "0005-summary.sigstore.json",
    ]
    assert hashlib.sha256(files[0].data).hexdigest() == str(read_bundle(bundle)[0].digest)[7:]


def test_a_missing_newline_at_the_end_is_the_same_bundle(bundle: bytes) -> None:
    assert read_bundle(bundle.removesuffix(b"\n")) == read_bundle(bundle)


@pytest.mark.parametrize("data", [b"", b"\n", b"{}\n\n{}", b"[]", b"null", b"{", b"\xff\xfe"])
def test_what_is_no_bundle_is_refused(data: bytes) -> None:
    assert refused(data).code in {Code.BUNDLE_MALFORMED, Code.MEDIA_TYPE_UNKNOWN}


Change = Callable[[dict[str, Any]], object]


@pytest.mark.parametrize(
    ("change", "code"),
    [
        (lambda b: b.update(mediaType="application/json"), Code.MEDIA_TYPE_UNKNOWN),
        (lambda b: b.pop("mediaType"), Code.MEDIA_TYPE_UNKNOWN),
        (
            lambda b: b.update(mediaType="application/vnd.dev.sigstore.bundle+json;version=0.1"),
            Code.MEDIA_TYPE_UNKNOWN,
        ),
        (lambda b: b.update(extra=1), Code.BUNDLE_MALFORMED),
        (lambda b: b.pop("dsseEnvelope"), Code.BUNDLE_MALFORMED),
        (lambda b: b["verificationMaterial"].pop("publicKey"), Code.BUNDLE_MALFORMED),
        (lambda b: b["dsseEnvelope"].update(payload="%%%%"), Code.BUNDLE_MALFORMED),
        (lambda b: b["dsseEnvelope"].update(payload=7), Code.BUNDLE_MALFORMED),
        (
            lambda b: b["dsseEnvelope"].update(payload=b["dsseEnvelope"]["payload"] + "\n"),
            Code.BUNDLE_MALFORMED,
        ),
        (lambda b: b["dsseEnvelope"].update(signatures="x"), Code.BUNDLE_MALFORMED),
        (lambda b: b["dsseEnvelope"].update(signatures=[{"sig": "!"}]), Code.BUNDLE_MALFORMED),
        (lambda b: b["verificationMaterial"].update(tlogEntries=None), Code.BUNDLE_MALFORMED),
    ],
)
def test_a_line_of_another_form_is_refused(bundle: bytes, change: Change, code: Code) -> None:
    error = refused(edit_line(bundle, 1, change))
    assert (error.code, error.where) == (code, "line 2 of the bundle")


def test_equal_keys_are_refused(bundle: bytes) -> None:
    first, *rest = lines_of(bundle)
    doubled = first.replace(b'{"mediaType"', b'{"mediaType":"x","mediaType"', 1)
    assert refused(joined([doubled, *rest])).code is Code.BUNDLE_MALFORMED


def test_limits_hold_before_anything_is_parsed() -> None:
    assert refused(b"{" * (MAX_BUNDLE + 1)).code is Code.BUNDLE_TOO_LARGE
    assert refused(b"{}\n" * 4097).code is Code.BUNDLE_TOO_LARGE
    assert refused(b'"' + b"a" * (4 * 1024 * 1024) + b'"').code is Code.BUNDLE_TOO_LARGE
    with pytest.raises(BundleError) as caught:
        write_bundle([b"{}"] * 4097)
    assert caught.value.code is Code.BUNDLE_TOO_LARGE


def test_deep_nesting_ends_as_a_refusal() -> None:
    assert refused(b"[" * 3_000_000).code is Code.BUNDLE_MALFORMED


def test_a_file_is_read_and_a_large_one_is_not(tmp_path: Path, bundle: bytes) -> None:
    good, large = tmp_path / "good", tmp_path / "large"
    good.write_bytes(bundle)
    assert read_bundle_file(good) == bundle
    with large.open("wb") as stream:
        stream.truncate(100 * 1024 * 1024)
    for path, code in (
        (large, Code.BUNDLE_TOO_LARGE),
        (tmp_path / "missing", Code.BUNDLE_MISSING),
        (tmp_path, Code.BUNDLE_MISSING),
    ):
        with pytest.raises(BundleError) as caught:
            read_bundle_file(path)
        assert caught.value.code is code


def test_a_chain_that_does_not_hold_is_not_signed(signer: KeySigner) -> None:
    recorded = tabular_run()
    del recorded.reader.steps["run-1/ingest"]
    with pytest.raises(ChainError) as caught:
        signed(recorded.chain(), signer)
    assert caught.value.code is Code.CHAIN_STEP_MISSING
    assert "preprocess" in caught.value.where


def test_the_error_names_all_findings(signer: KeySigner) -> None:
    findings = tuple(
        Finding(code, str(code).lower(), step=f"step-{number}")
        for number, code in enumerate([Code.CHAIN_STEP_FAILED, Code.CHAIN_CYCLE])
    )
    with pytest.raises(ChainError) as caught:
        signed(replace(tabular_run().chain(), findings=findings), signer)
    assert caught.value.code is Code.CHAIN_STEP_FAILED
    assert "CHAIN_CYCLE chain_cycle at step-1" in caught.value.message


def test_changed_stored_bytes_are_not_signed(signer: KeySigner) -> None:
    rehash = Rehash(findings=(Finding(Code.STORED_BYTES_CHANGED, "changed"),))
    with pytest.raises(ChainError) as caught:
        signed(tabular_run().chain(), signer, rehash=rehash)
    assert caught.value.code is Code.STORED_BYTES_CHANGED


def test_nothing_is_not_signed(signer: KeySigner) -> None:
    chain = replace(tabular_run(), subjects=()).chain()
    with pytest.raises(ChainError) as caught:
        signed(chain, signer)
    assert caught.value.code is Code.SUBJECT_UNKNOWN


def test_what_no_verifier_would_read_is_not_signed(signer: KeySigner) -> None:
    build = RunBuilder()
    step = build.step("t", inputs=[source(b"r", "x" * 5000)], outputs={"model": artifact(b"m")})
    recorded = Recorded(MemoryReader([step]), (read(step, "model"),))
    with pytest.raises(ChainError) as caught:
        signed(recorded.chain(), signer)
    assert caught.value.code is Code.STATEMENT_MALFORMED


def test_a_hundred_steps_are_read_back(signer: KeySigner) -> None:
    lines = read_bundle(signed(linear_run(100).chain(), signer))
    assert len(lines) == 101
    assert all(parse_statement(line.payload) for line in lines)
