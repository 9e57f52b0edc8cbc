"""Hash directories with model-signing; runs in an interpreter that has it.

Reads a path per line and answers with a line of JSON each: the seconds that the hashing
took, without the start of the interpreter, and the digest of every file.
"""

from __future__ import annotations

import json
import sys
import time
from importlib.metadata import version
from pathlib import Path

from model_signing.hashing import Config

print(json.dumps({"version": version("model-signing")}), flush=True)
for line in sys.stdin:
    start = time.perf_counter()
    manifest = Config().use_file_serialization(hashing_algorithm="sha256").hash(Path(line.strip()))
    seconds = time.perf_counter() - start
    digests = {item.identifier: item.digest.digest_hex for item in manifest.resource_descriptors()}
    print(json.dumps({"seconds": seconds, "digests": digests}), flush=True)
