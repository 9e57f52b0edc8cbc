"""Verifying a chain of ten steps, beside sigstore-python and cosign on its lines.

    python benchmarks/verification.py [--quick] [--check]

In process, with everything loaded: the whole verdict over a bundle of eleven lines beside what
the peer needs for the signatures alone. As whole processes: one ``kprov verify`` beside one
``cosign verify-blob-attestation`` for each line. The keyless rows and cosign need the programs
that ``make tools`` builds; without them they are left out, and it is said.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Mapping
from contextlib import ExitStack
from datetime import UTC, datetime
from pathlib import Path
from statistics import median

from _report import interleave, machine, ratio, write_section

TESTS = Path(__file__).resolve().parents[1] / "tests"
sys.path.insert(0, str(TESTS))

from kfp_provenance.bundle import read_bundle, split_bundle  # noqa: E402
from kfp_provenance.signing import open_signer  # noqa: E402
from kfp_provenance.verify import SigstoreRoot, Trust, verify_bundle  # noqa: E402
from support.chains import NOW, digest, key_pair, linear_run, signed  # noqa: E402
from support.chains import content as content_of  # noqa: E402

STEPS = 10
SUBJECT = str(STEPS - 1).encode()
TARGET_IN_PROCESS_MS, TARGET_COMMAND_MS = 20, 1000

Candidates = Mapping[str, Callable[[], object]]


def timed(act: Callable[[], object]) -> Callable[[], float]:
    """Seconds of one call."""

    def run() -> float:
        begin = time.perf_counter()
        act()
        return time.perf_counter() - begin

    return run


def judged(bundle: bytes, trust: Trust, now: datetime) -> Callable[[], object]:
    """The whole verdict, which must be a pass."""

    def act() -> None:
        assert verify_bundle(bundle, trust, content_of(SUBJECT), now=now).verdict.passed

    return act


def envelopes(bundle: bytes, trust: Trust) -> Callable[[], object]:
    """The signatures alone, by securesystemslib."""
    from securesystemslib.dsse import Envelope
    from securesystemslib.signer import Signature

    key = trust.signers[0].key
    assert key is not None
    verifier = key.verifier

    def act() -> None:
        for line in read_bundle(bundle):
            signature = Signature(verifier.keyid, line.signatures[0].hex())
            verifier.verify_signature(
                signature, Envelope(line.payload, line.payload_type, {}).pae()
            )

    return act


def with_key(folder: Path) -> tuple[Candidates, Path, Path]:
    """Candidates for a bundle that a key signed, its file, and the public key's file."""
    signer, public = key_pair(folder)
    bundle, trust = signed(linear_run(STEPS).chain(), signer), Trust.for_key(public)
    file = folder / "model.sigstore.jsonl"
    file.write_bytes(bundle)
    candidates = {"ours": judged(bundle, trust, NOW), "peer": envelopes(bundle, trust)}
    return candidates, file, folder / "signer.pub"


def keyless(folder: Path, stack: ExitStack) -> Candidates:
    """Candidates for a bundle that an identity signed, at a real Sigstore on this machine."""
    from sigstore.models import Bundle
    from sigstore.verify import Verifier
    from sigstore.verify.policy import Identity

    from support.sigstore_instance import certificate_identity, running_sigstore

    (folder / "sigstore").mkdir()
    instance = stack.enter_context(running_sigstore(folder / "sigstore"))
    token = instance.token_file("team-a/signer")
    token.chmod(0o600)
    signer = open_signer(f"sigstore:?token-file={token}&trust-config={instance.trust_config}")
    bundle = signed(linear_run(STEPS).chain(), signer, now=datetime.now(UTC))
    root = SigstoreRoot(instance.trusted_root.read_bytes())
    name, issuer = certificate_identity("team-a/signer"), instance.issuer.kubernetes
    verifier, policy = (
        Verifier(trusted_root=root.trusted_root),
        Identity(identity=name, issuer=issuer),
    )
    lines = bundle.splitlines()

    def peer() -> None:
        for line in lines:
            verifier.verify_dsse(Bundle.from_json(line), policy)

    trust = Trust.for_identity(name, issuer, root)
    return {"ours": judged(bundle, trust, datetime.now(UTC)), "peer": peer}


def commands(folder: Path, bundle: Path, public: Path, cosign: Path) -> Candidates:
    """One process of ours beside one of cosign for each line."""
    model = folder / "model"
    model.write_bytes(SUBJECT)
    files = []
    for number, file in enumerate(split_bundle(read_bundle(bundle.read_bytes()))):
        path = folder / file.name
        path.write_bytes(file.data)
        subject = digest(str(min(number, STEPS - 1)).encode()).hex
        kind = "slsaprovenance1" if number < STEPS else "https://slsa.dev/verification_summary/v1"
        files.append((path, subject, kind))

    def ours() -> None:
        subprocess.run(
            [sys.executable, "-m", "kfp_provenance", "verify", model, "--bundle", bundle,
             "--key", public], check=True, capture_output=True, cwd=folder,
        )  # fmt: skip

    def peer() -> None:
        for path, subject, kind in files:
            subprocess.run(
                [cosign, "verify-blob-attestation", "--key", public, "--bundle", path, "--type",
                 kind, "--insecure-ignore-tlog", "--digest", subject, "--digestAlg", "sha256"],
                check=True, capture_output=True, env={**os.environ, "HOME": str(folder)},
            )  # fmt: skip

    return {"ours": ours, "peer": peer}


def cosign_program() -> Path | None:
    """The stock cosign, if ``make tools`` has built it."""
    found = sorted(TESTS.parent.glob("build/tools/cosign-*/cosign"))
    return found[-1] if found else None


def measure(folder: Path, rounds: int) -> tuple[str, list[str]]:
    """The section, and what missed its target."""
    rows, missed = [], []

    def row(name: str, peer: str, candidates: Candidates, target: int, times: int) -> None:
        seconds = interleave({n: timed(act) for n, act in candidates.items()}, times)
        ours, theirs = (median(seconds[n]) * 1000 for n in ("ours", "peer"))
        many = ratio(seconds["ours"], seconds["peer"])
        shown = target or ""
        rows.append(f"| {name} | {ours:.1f} | {peer} | {theirs:.1f} | {many:.2f} x | {shown} |")
        if target and ours > target:
            missed.append(f"{name}: {ours:.1f} ms")

    with ExitStack() as stack:
        candidates, bundle, public = with_key(folder)
        row("signed with a key, in process", "securesystemslib, 11 signatures", candidates,
            TARGET_IN_PROCESS_MS, rounds)  # fmt: skip
        cosign = cosign_program()
        if cosign is None:
            print("left out: keyless and cosign, which `make tools` builds", file=sys.stderr)
        else:
            row("keyless, in process", "sigstore-python, 11 signatures",
                keyless(folder, stack), 0, rounds)  # fmt: skip
            row("a whole `kprov verify`, signed with a key", "cosign, 11 processes",
                commands(folder, bundle, public, cosign), TARGET_COMMAND_MS,
                max(3, rounds // 5))  # fmt: skip
    head = [
        f"## Verification of a chain of {STEPS} steps (`benchmarks/verification.py`)",
        "",
        "| bundle of 11 lines, median ms | kfp-provenance, whole verdict | peer | peer | times as"
        " fast | target, ms |",
        "|---|---|---|---|---|---|",
    ]
    tail = [
        "",
        "The peers check signatures (and certificates and log entries); the verdict is also about"
        " statements, chain, roots, builders and trust policy. With the libraries of clouds"
        " installed (`gcpkms`, `azurekms`) the command takes 0.8 s more, to load them.",
        f"Machine: {machine()}. {rounds} rounds; load average at their end"
        f" {os.getloadavg()[0]:.1f}.",
    ]
    return "\n".join([*head, *rows, *tail]), missed


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--quick", action="store_true", help="5 rounds; writes nothing")
    parser.add_argument("--check", action="store_true", help="fail below a target")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        markdown, missed = measure(Path(name), 5 if options.quick else 50)
    print(markdown)
    if not options.quick:
        write_section("verification", markdown)
    for what in missed:
        print(f"below its target: {what}", file=sys.stderr)
    return 1 if options.check and missed else 0


if __name__ == "__main__":
    sys.exit(main())
