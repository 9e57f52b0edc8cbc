"""Provenance bundles: one Sigstore bundle v0.3 per line, the signed bytes opaque.

``sign_chain`` makes one from a chain, ``read_bundle`` takes one apart without believing
anything in it, ``split_bundle`` makes the single files that cosign reads.
"""

from __future__ import annotations

from kfp_provenance.bundle.files import read_bundle_file
from kfp_provenance.bundle.format import (
    MAX_BUNDLE,
    MAX_LINE,
    MAX_LINES,
    BundleFile,
    Line,
    LineKind,
    bundle_digest,
    line_kind,
    read_bundle,
    split_bundle,
    write_bundle,
)
from kfp_provenance.bundle.sign import sign_chain

__all__ = [
    "MAX_BUNDLE",
    "MAX_LINE",
    "MAX_LINES",
    "BundleFile",
    "Line",
    "LineKind",
    "bundle_digest",
    "line_kind",
    "read_bundle",
    "read_bundle_file",
    "sign_chain",
    "split_bundle",
    "write_bundle",
]
