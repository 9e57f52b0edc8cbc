"""The stock sigstore-python (its program) and sigstore-js, which verify offline."""

from __future__ import annotations

import base64
import json
import shutil
import subprocess
import sys
from dataclasses import dataclass
from filecmp import cmp
from pathlib import Path

import pytest

from support.interop import absent
from support.processes import DEADLINE, isolated

_TOP = Path(__file__).resolve().parents[2]
_NAME = "sigstore-js"
_REFUSED = 2
"""Exit code of ``verify.mjs`` for a bundle that it does not believe."""


@dataclass(frozen=True)
class Outcome:
    """What a client found.

    Attributes:
        accepted: Whether it believes the bundle.
        words: What it printed.
        signer: Name and issuer in the certificate, from sigstore-js.
        payload: What was signed, from sigstore-js.
    """

    accepted: bool
    words: str
    signer: tuple[str, str] = ("", "")
    payload: bytes = b""


def sigstore_python(
    home: Path, bundle: Path, about: Path | str, identity: str, issuer: str, trust_config: Path
) -> Outcome:
    """``sigstore verify identity --offline``; ``about`` is the file, or ``sha256:HEX``."""
    command = [
        Path(sys.executable).with_name("sigstore"), f"--trust-config={trust_config}",
        "verify", "identity", "--offline", f"--bundle={bundle}", f"--cert-identity={identity}",
        f"--cert-oidc-issuer={issuer}", str(about),
    ]  # fmt: skip
    done = _run(command, home)
    return Outcome(done.returncode == 0, done.stdout + done.stderr)


@dataclass(frozen=True)
class SigstoreJs:
    """``tests/interop/tools/sigstore-js/verify.mjs``, with the packages of its lock file."""

    node: str
    script: Path
    home: Path

    def by_identity(self, bundle: Path, identity: str, issuer: str, root: Path) -> Outcome:
        """Verify a keyless bundle for exactly this identity."""
        return self._verify(
            bundle, f"--identity={identity}", f"--issuer={issuer}", f"--root={root}"
        )

    def by_key(self, bundle: Path, key: Path) -> Outcome:
        """Verify a bundle that is signed with this key, which its hint must name."""
        return self._verify(bundle, f"--key={key}")

    def _verify(self, bundle: Path, *trust: str) -> Outcome:
        done = _run([self.node, self.script, bundle, *trust], self.home)
        assert done.returncode in (0, _REFUSED), done.stderr
        if done.returncode == _REFUSED:
            return Outcome(accepted=False, words=done.stdout)
        said = json.loads(done.stdout)
        assert said["payloadType"] == "application/vnd.in-toto+json"
        signer = (said["identity"], said["issuer"])
        return Outcome(True, done.stdout, signer, base64.b64decode(said["payload"]))


def _run(command: list[str | Path], home: Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        command,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        env=isolated(home),
        timeout=DEADLINE,
        check=False,
    )


@pytest.fixture
def sigstore_js(tmp_path: Path) -> SigstoreJs:
    """Skip (or fail) the test if ``.ci/node-tools`` did not install what the sources name."""
    source, installed = _TOP / "tests" / "interop" / "tools" / _NAME, _TOP / "build/tools" / _NAME
    node = shutil.which("node")
    if node is None:
        absent("Node is not installed")
    files = [file for file in source.iterdir() if file.is_file()]
    if not all((installed / f.name).is_file() and cmp(f, installed / f.name, False) for f in files):
        absent(f"{_NAME} is not installed (make tools, which needs Node and npm)")
    return SigstoreJs(node, installed / "verify.mjs", tmp_path / "js-home")
