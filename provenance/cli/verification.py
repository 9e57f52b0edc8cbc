"""Verify a path against its bundle: the reading around the pure verifier."""

from __future__ import annotations

from contextlib import closing
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path

import typer

from kfp_provenance.bundle import read_bundle_file
from kfp_provenance.facts import Finding, Step, Verdict
from kfp_provenance.hashing import Content, hash_path, terminal_progress
from kfp_provenance.metadata import open_reader
from kfp_provenance.storage import hash_stored
from kfp_provenance.verify import (
    ChainView,
    Trust,
    compare_stored_bytes,
    compare_with_store,
    render_text,
    verify_bundle,
    view_to_json,
)


@dataclass(frozen=True)
class Verification:
    """A judged path.

    Attributes:
        path: What was judged.
        content: Its digest.
        verdict: All findings: of the bundle, of the store and of the stored bytes.
        view: The chain, if the bundle could be believed.
    """

    path: Path
    content: Content
    verdict: Verdict
    view: ChainView | None

    @property
    def passed(self) -> bool:
        """Whether the chain holds."""
        return self.verdict.passed

    @property
    def steps(self) -> tuple[Step, ...]:
        """Steps of the chain."""
        return () if self.view is None else tuple(self.view.steps.values())


def verify_path(
    path: Path,
    bundle: Path,
    *,
    trust: Trust,
    store: str = "",
    subject: str | None = None,
) -> Verification:
    """Judge the bytes at ``path``.

    Args:
        path: A file or a directory.
        bundle: Its ``.sigstore.jsonl``.
        trust: Whom to believe.
        store: Store to compare the bundle with, together with the stored bytes.
        subject: Which subject of the bundle the bytes must be; the model if None.

    Raises:
        ProvenanceError: If something cannot be read; then there is no verdict.
    """
    content = hash_path(path, progress=terminal_progress())
    found = verify_bundle(
        read_bundle_file(bundle), trust, content, now=datetime.now(UTC), subject_name=subject
    )
    findings, notes = list(found.verdict.findings), list(found.verdict.notes)
    if store and found.view is not None:
        with closing(open_reader(store)) as reader:
            findings += compare_with_store(found.view, reader).findings
        stored = compare_stored_bytes(found.view, hash_stored)
        findings += stored.findings
        notes += stored.notes
    verdict = Verdict(tuple(findings), tuple(notes))
    return Verification(path, content, verdict, found.view)


def print_verification(checked: Verification) -> None:
    """The verdict, every finding with its remedy, and the chain as a tree."""
    if checked.view is not None and checked.passed:
        typer.echo(render_text(checked.view) + "\n")
    for finding in checked.verdict.findings:
        _print_finding(finding, mark="x")
    for note in checked.verdict.notes:
        _print_finding(note, mark="!")
    if checked.passed:
        signers = "" if checked.view is None else ", ".join(checked.view.signers)
        typer.secho(
            f"PASS  {checked.path}  {checked.content.digest}  "
            f"{len(checked.steps)} steps, signed by {signers}",
            fg=typer.colors.GREEN,
        )
    else:
        count = len(checked.verdict.findings)
        typer.secho(
            f"REFUSED  {checked.path}  {checked.content.digest}  "
            f"{count} finding{'s' if count > 1 else ''}",
            fg=typer.colors.RED,
        )


def verification_json(checked: Verification) -> dict[str, object]:
    """The same for machines."""
    return {
        "verdict": "pass" if checked.passed else "refused",
        "path": str(checked.path),
        "digest": str(checked.content.digest),
        "kind": str(checked.content.kind),
        "findings": [asdict(finding) for finding in checked.verdict.findings],
        "notes": [asdict(note) for note in checked.verdict.notes],
        "chain": None if checked.view is None else view_to_json(checked.view),
    }


def _print_finding(finding: Finding, *, mark: str) -> None:
    typer.echo(f"{mark} {finding.code}: {finding.message}")
    for label in ("step", "artifact", "expected", "found", "remedy"):
        value = getattr(finding, label)
        if value:
            typer.echo(f"    {label + ':':<10}{value}")
