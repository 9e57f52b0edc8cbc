"""URIs that statements and verifiers agree on; they never change their meaning."""

from __future__ import annotations

STATEMENT_TYPE = "https://in-toto.io/Statement/v1"
PAYLOAD_TYPE = "application/vnd.in-toto+json"
PROVENANCE_TYPE = "https://slsa.dev/provenance/v1"
SUMMARY_TYPE = "https://slsa.dev/verification_summary/v1"
BUNDLE_MEDIA_TYPE = "application/vnd.dev.sigstore.bundle.v0.3+json"

BUILD_TYPE = "https://kfp-provenance.dev/kfp-step/v1"
"""Specified in docs/reference/kfp-step-v1.md."""

IN_RUN_BUILDER = "https://kfp-provenance.dev/builders/in-run/v1"
"""A signing step inside the user's own run: ``builder.id`` of the step statements and
``verifier.id`` of the summary, for one and the same step makes both. Honestly SLSA Build
L1: it shares the run with the steps that it vouches for."""

OPERATOR_BUILDER = "https://kfp-provenance.dev/builders/operator/v1"
"""Somebody signs a finished run from outside it, from the store and the stored bytes. Also
SLSA Build L1: the facts are those that the run recorded."""

STEP_BUILDER = "https://kfp-provenance.dev/builders/step/v1"
"""A task signs its own step as it ends. SLSA Build L1: the task vouches for itself."""

COLLECTOR_BUILDER = "https://kfp-provenance.dev/builders/collector/v1"
"""``verifier.id`` of a signing step that states no step itself: it checks what each task
signed for its own step, and vouches for the chain of them."""

GATE_BUILDER = "https://kfp-provenance.dev/builders/gate/v1"
"""Who signs the checkpoints of the gate's audit trail. It vouches for no chain of steps."""

STATED_BY = {
    IN_RUN_BUILDER: IN_RUN_BUILDER,
    OPERATOR_BUILDER: OPERATOR_BUILDER,
    COLLECTOR_BUILDER: STEP_BUILDER,
}
"""``builder.id`` of the steps under a summary, by its ``verifier.id``: modes do not mix."""

BUILDERS = (*STATED_BY, STEP_BUILDER)
"""All builders of this package that vouch for steps."""

AUDIT_CHECKPOINT_TYPE = "https://kfp-provenance.dev/audit-checkpoint/v1"
"""Specified in docs/reference/audit-trail.md."""

CHAIN_EXTENSION = "https://kfp-provenance.dev/chain/v1"
"""Key of what the summary says beyond SLSA. Specified in docs/reference/bundle.md."""

CHAIN_POLICY = "https://kfp-provenance.dev/policies/chain/v1"

SLSA_VERSION = "1.0"
LEVEL = 1
LEVELS = (f"SLSA_BUILD_LEVEL_{LEVEL}",)
PASSED = "PASSED"

VERSION_KEY = "kfp-provenance"
"""Key of this package's version in ``builder.version`` and ``verifier.version``."""

MAX_SUBJECTS = 1024
"""sigstore-go reads no statement with more."""
MAX_INPUTS = 4096
