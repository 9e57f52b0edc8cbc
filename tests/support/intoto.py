"""in-toto's own verifier, as a library and as the program, and what a forger does to links."""

from __future__ import annotations

import base64
import json
import os
import subprocess
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from kfp_provenance.layout import LinkFile, Plan, PlannedInput, PlannedStep, key_id, make_layout
from kfp_provenance.lineage import Root
from kfp_provenance.signing import KeySigner
from kfp_provenance.verify import ChainView, Trust, verify_bundle
from support.chains import NOW, Content, Recorded, signed

PROGRAM = Path(sys.executable).with_name("in-toto-verify")


@dataclass(frozen=True)
class Files:
    """A layout and its links in a folder."""

    folder: Path

    @property
    def layout(self) -> Path:
        return self.folder / "root.layout"

    @property
    def owner(self) -> Path:
        """Public key of whoever signed the layout."""
        return self.folder / "owner.pub"

    @property
    def links(self) -> Path:
        return self.folder / "links"

    def write(self, layout: bytes, links: tuple[LinkFile, ...]) -> None:
        self.layout.write_bytes(layout)
        self.links.mkdir(exist_ok=True)
        for file in links:
            (self.links / file.name).write_bytes(file.data)

    def link(self, step: str) -> Path:
        (found,) = self.links.glob(f"{step}.*.link")
        return found

    def judge(self) -> None:
        """in-toto as a library; raises what is wrong."""
        from in_toto.models.layout import Layout
        from in_toto.models.metadata import Metadata
        from in_toto.verifylib import in_toto_verify

        keys = Layout()
        keys.add_functionary_key_from_path(str(self.owner))
        in_toto_verify(Metadata.load(str(self.layout)), keys.keys, str(self.links))

    def program(self) -> subprocess.CompletedProcess[str]:
        """The stock program, in this folder."""
        return subprocess.run(
            [PROGRAM, "--layout", "root.layout", "--verification-keys", "owner.pub",
             "--link-dir", "links"],
            cwd=self.folder, capture_output=True, text=True, check=False, timeout=60,
            env={**os.environ, "PYTHONWARNINGS": "ignore"},  # Google's, about this Python
        )  # fmt: skip

    def forge(
        self, step: str, change: Callable[[dict[str, Any]], object], signer: KeySigner | None
    ) -> None:
        """Change a link; without a signer, the signature stays what it was."""
        path = self.link(step)
        path.write_bytes(forged(path.read_bytes(), change, signer))


def forged(
    data: bytes, change: Callable[[dict[str, Any]], object], signer: KeySigner | None
) -> bytes:
    """An envelope with another payload."""
    envelope = json.loads(data)
    payload = json.loads(base64.b64decode(envelope["payload"]))
    change(payload)
    text = json.dumps(payload).encode()
    envelope["payload"] = base64.b64encode(text).decode()
    if signer is not None:
        made = signer.envelope(text, envelope["payloadType"])
        (signature,) = made.signatures.values()
        sig = base64.b64encode(bytes.fromhex(signature.signature)).decode()
        envelope["signatures"] = [{"keyid": key_id(signer.public), "sig": sig}]
    return json.dumps(envelope).encode()


def payload_of(path: Path) -> dict[str, Any]:
    """What a layout or link says."""
    found: dict[str, Any] = json.loads(base64.b64decode(json.loads(path.read_bytes())["payload"]))
    return found


def verified(
    recorded: Recorded, signer: KeySigner, pem: bytes, roots: Sequence[Root] = ()
) -> ChainView:
    """The view of a chain, signed for real and verified."""
    chain = recorded.chain(roots)
    subject = chain.subjects[0].artifact
    found = verify_bundle(
        signed(chain, signer),
        Trust.for_key(pem),
        Content(subject.digest, subject.kind),
        now=NOW,
    )
    assert found.verdict.passed, found.verdict
    assert found.view is not None
    return found.view


def planned(
    name: str,
    inputs: Mapping[str, tuple[str, str]] = {},
    outputs: tuple[str, ...] = (),
    roots: tuple[str, ...] = (),
) -> PlannedStep:
    """A step all of whose outputs somebody takes."""
    given = tuple(PlannedInput(port, *made) for port, made in inputs.items())
    return PlannedStep(name, f"churn.{name}", "sha256:0", given, roots, outputs, outputs)


def layout_of(plan: Plan, owner: KeySigner, *functionaries: KeySigner, **options: Any) -> bytes:
    options.setdefault("expires", datetime.now(UTC) + timedelta(days=1))
    keys = [signer.public for signer in functionaries]
    return make_layout(plan, signer=owner, functionaries=keys, **options)
