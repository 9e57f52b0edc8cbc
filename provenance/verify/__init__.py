"""The verifier: (bundle, trust policy, observed digest) -> verdict.

Pure: what must be read from a store or from storage is passed in. ``load_trust`` is the
one exception, it reads the trust policy and the keys beside it.
"""

from __future__ import annotations

from kfp_provenance.verify.attested import Attested, judge_attestations
from kfp_provenance.verify.compare import compare_stored_bytes, compare_with_store
from kfp_provenance.verify.render import TreeLine, lineage_tree, render_text, view_to_json
from kfp_provenance.verify.sigstore_root import SigstoreRoot
from kfp_provenance.verify.trust import Identity, Trust, TrustedSigner
from kfp_provenance.verify.trust_file import load_sigstore_root, load_trust, parse_trust
from kfp_provenance.verify.verdict import verify_bundle, verify_chain
from kfp_provenance.verify.view import ChainView, Observed, Verification

__all__ = [
    "Attested",
    "ChainView",
    "Identity",
    "Observed",
    "SigstoreRoot",
    "TreeLine",
    "Trust",
    "TrustedSigner",
    "Verification",
    "compare_stored_bytes",
    "compare_with_store",
    "judge_attestations",
    "lineage_tree",
    "load_sigstore_root",
    "load_trust",
    "parse_trust",
    "render_text",
    "verify_bundle",
    "verify_chain",
    "view_to_json",
]
