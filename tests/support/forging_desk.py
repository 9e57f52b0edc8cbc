"""Two signers, one of them trusted, and signed bundles to tamper with."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import pytest

from kfp_provenance.codes import REFUSALS, Code, ExitCode
from kfp_provenance.signing import Signer
from kfp_provenance.verify import Trust, Verification, verify_bundle
from support.chains import (
    NOW,
    content,
    key_pair,
    signed,
    tabular_run,
)

INGEST, PREPROCESS, TRAIN, EVALUATE, SUMMARY = range(5)


@dataclass(frozen=True)
class Desk:
    """Two signers, of whom one is trusted, and bundles of several runs."""

    signer: Signer
    public: bytes
    stranger: Signer
    bundle: bytes
    other_run: bytes

    def verify(
        self, bundle: bytes, model: bytes = b"model", trust: Trust | None = None, **more: Any
    ) -> Verification:
        arguments = {"now": NOW, **more}
        return verify_bundle(
            bundle, trust or Trust.for_key(self.public), content(model), **arguments
        )

    def codes(self, bundle: bytes, model: bytes = b"model", **more: Any) -> set[Code]:
        verdict = self.verify(bundle, model, **more).verdict
        assert not verdict.passed
        assert verdict.exit_code is ExitCode.REFUSED
        for finding in verdict.findings:
            assert finding.code in REFUSALS
            assert finding.message
            assert finding.remedy
        return {finding.code for finding in verdict.findings}


@pytest.fixture(scope="module")
def desk(tmp_path_factory: pytest.TempPathFactory) -> Desk:
    folder = tmp_path_factory.mktemp("keys")
    signer, public = key_pair(folder, "signer")
    stranger, _ = key_pair(folder, "stranger")
    return Desk(
        signer,
        public,
        stranger,
        bundle=signed(tabular_run().chain(), signer),
        other_run=signed(tabular_run("run-2", b"other model", b"other raw").chain(), signer),
    )
