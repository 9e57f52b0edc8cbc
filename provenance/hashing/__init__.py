"""Bytes to digests: files, directories, streams and artifacts without bytes.

The scheme is specified in ``docs/reference/digest.md``. Everything here reads; nothing
follows a symbolic link, and nothing returns a digest of bytes that changed meanwhile.
"""

from __future__ import annotations

from kfp_provenance.hashing.content import Content, Listing, ListingEntry
from kfp_provenance.hashing.directories import Files, hash_path, list_directory, scan_directory
from kfp_provenance.hashing.files import Readable, Stamp, Writable, hash_file, hash_stream, stamp
from kfp_provenance.hashing.progress import Progress, terminal_progress
from kfp_provenance.hashing.values import JSON, hash_values

__all__ = [
    "JSON",
    "Content",
    "Files",
    "Listing",
    "ListingEntry",
    "Progress",
    "Readable",
    "Stamp",
    "Writable",
    "hash_file",
    "hash_path",
    "hash_stream",
    "hash_values",
    "list_directory",
    "scan_directory",
    "stamp",
    "terminal_progress",
]
