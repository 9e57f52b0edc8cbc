"""Make the keyless bundles of the corpus anew, with a real Fulcio, CT log and Rekor.

They stay verifiable for ever: their log vouches for the time at which they were signed. So
the fuzzer needs no Sigstore, and this runs only when the format changes:

    make tools
    PYTHONPATH=tests .venv-interop/bin/python -m fuzz.make_corpus
"""

from __future__ import annotations

import json
import re
from datetime import UTC, datetime, timedelta
from pathlib import Path
from tempfile import TemporaryDirectory

from kfp_provenance.signing import Signer, open_signer
from support.chains import Recorded, linear_run, signed, tabular_run
from support.sigstore_instance import Sigstore, certificate_identity, running_sigstore

CORPUS = Path(__file__).parent / "corpus"
IDENTITY = "team-a/signer"

RUNS: dict[str, Recorded] = {
    "tabular": tabular_run(),
    "tabular-other": tabular_run("run-2", b"other model", b"other raw"),
    "single": linear_run(1),
}


def signer_of(instance: Sigstore) -> Signer:
    """Signs with the identity of a task."""
    token = instance.token_file(IDENTITY)
    token.chmod(0o600)
    return open_signer(f"sigstore:?token-file={token}&trust-config={instance.trust_config}")


def _read(instance: Sigstore) -> bytes:
    return instance.trusted_root.read_bytes()


def main() -> None:
    """Write the corpus."""
    CORPUS.mkdir(exist_ok=True)
    with TemporaryDirectory() as folder, running_sigstore(Path(folder)) as instance:
        now = datetime.now(UTC)
        signer = signer_of(instance)
        for name, recorded in RUNS.items():
            bundle = signed(recorded.chain(), signer, now=datetime.now(UTC))
            (CORPUS / f"{name}.sigstore.jsonl").write_bytes(bundle)
        # sigstore-python believes no key before its time, by the clock: any clock will do
        root = re.sub(rb'("start": )"[^"]*"', rb'\1"2020-01-01T00:00:00Z"', _read(instance))
        (CORPUS / "trusted_root.json").write_bytes(root + b"\n")
        about = {
            "identity": certificate_identity(IDENTITY),
            "issuer": instance.issuer.kubernetes,
            "now": (now + timedelta(hours=1)).isoformat(timespec="seconds"),
        }
        (CORPUS / "about.json").write_text(json.dumps(about, indent=1) + "\n")


if __name__ == "__main__":
    main()
