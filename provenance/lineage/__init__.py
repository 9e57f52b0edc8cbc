"""From recorded steps to the chain behind an artifact.

``collect_chain`` walks the store upstream from what is to be signed; ``rehash_stored``
hashes the stored bytes of a chain again. Both are pure apart from the reader and the
hash function that they are given.
"""

from __future__ import annotations

from kfp_provenance.lineage.chain import collect_chain
from kfp_provenance.lineage.model import Chain, ChainSubject, Join
from kfp_provenance.lineage.roots import DeclaredBy, Root, RootUse
from kfp_provenance.lineage.stored import (
    Rehash,
    StoredArtifact,
    StoredBytes,
    UnreadArtifact,
    rehash_stored,
)

__all__ = [
    "Chain",
    "ChainSubject",
    "DeclaredBy",
    "Join",
    "Rehash",
    "Root",
    "RootUse",
    "StoredArtifact",
    "StoredBytes",
    "UnreadArtifact",
    "collect_chain",
    "rehash_stored",
]
