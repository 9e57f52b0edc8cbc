"""Objects in file systems and buckets, and on web servers, by URI.

A new kind of storage is one new module that implements :class:`Storage`, and one line in
``registry.py``. Client libraries are loaded when a URI of their scheme is first opened.
"""

from __future__ import annotations

from kfp_provenance.storage.interface import ObjectBytes, ObjectInfo, Storage, StoredFile, Written
from kfp_provenance.storage.registry import open_storage, supported_schemes
from kfp_provenance.storage.rehash import hash_stored
from kfp_provenance.storage.uris import local_path, scheme_of, without_credentials

__all__ = [
    "ObjectBytes",
    "ObjectInfo",
    "Storage",
    "StoredFile",
    "Written",
    "hash_stored",
    "local_path",
    "open_storage",
    "scheme_of",
    "supported_schemes",
    "without_credentials",
]
