"""Reading a bundle file without trusting its size."""

from __future__ import annotations

import io
import os
import stat
from pathlib import Path

from kfp_provenance.bundle.format import MAX_BUNDLE, too_large
from kfp_provenance.codes import Code
from kfp_provenance.errors import BundleError


def read_bundle_file(path: Path) -> bytes:
    """Bytes of a bundle file; a file beyond the limit is not read.

    Raises:
        BundleError: BUNDLE_MISSING or BUNDLE_TOO_LARGE.
    """
    try:
        # without blocking: the name may be a pipe that nobody writes to
        opener = lambda name, flags: os.open(name, flags | os.O_NONBLOCK)  # noqa: E731
        with io.FileIO(path, "r", opener=opener) as stream:
            status = os.fstat(stream.fileno())
            if not stat.S_ISREG(status.st_mode):
                raise _missing(path, "not a regular file")
            if status.st_size > MAX_BUNDLE:
                raise too_large(f"{path}: {status.st_size} bytes")
            data = stream.read(MAX_BUNDLE + 1) or b""
    except OSError as error:
        raise _missing(path, error.strerror or type(error).__name__) from error
    if len(data) > MAX_BUNDLE:
        raise too_large(f"{path}: more than {MAX_BUNDLE} bytes")
    return data


def _missing(path: Path, reason: str) -> BundleError:
    return BundleError(
        Code.BUNDLE_MISSING,
        "there is no bundle to read",
        where=str(path),
        expected="a .sigstore.jsonl file",
        found=reason,
        remedy="name the bundle that was written beside the model",
    )
