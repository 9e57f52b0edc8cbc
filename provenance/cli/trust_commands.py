"""``kprov trust``."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from kfp_provenance.cli.output import JsonFlag, heading, print_fields, print_json, print_table
from kfp_provenance.codes import Code
from kfp_provenance.errors import SettingsError

if TYPE_CHECKING:
    from kfp_provenance.verify import SigstoreRoot, Trust


def register(app: typer.Typer) -> None:
    """Add the commands to ``app``."""
    trust = typer.Typer(
        help="Trust policies, and roots of trust for keyless signers.", no_args_is_help=True
    )
    trust.command("fetch")(fetch)
    trust.command("show")(show)
    app.add_typer(trust, name="trust")


def fetch(
    *,
    output: Annotated[Path, typer.Option("--output", "-o", help="The root of trust to write.")],
    source: Annotated[
        Path | None,
        typer.Option("--from", help="Take it from a client trust configuration, without network."),
    ] = None,
    tuf_url: Annotated[
        str, typer.Option(help="TUF repository of a private Sigstore (default: public good).")
    ] = "",
    tuf_root: Annotated[
        Path | None, typer.Option(help="Root metadata that --tuf-url is first believed by.")
    ] = None,
    replace: Annotated[bool, typer.Option("--replace", help="Replace an older file.")] = False,
    as_json: JsonFlag = False,
) -> None:
    """Save the root of trust of a Sigstore instance, to verify with it offline."""
    from kfp_provenance.cli.trust_roots import root_from_file, root_from_tuf, save_root

    given = [
        name
        for name, value in (("--from", source), ("--tuf-url", tuf_url), ("--tuf-root", tuf_root))
        if value
    ]
    if given not in ([], ["--from"], ["--tuf-url"], ["--tuf-url", "--tuf-root"]):
        raise SettingsError(
            Code.USAGE,
            "a root of trust comes from one place",
            expected="--from FILE, or --tuf-url URL with --tuf-root FILE, or none of them",
            found=" ".join(given),
            remedy="leave one of them out, or say which repository --tuf-root is of",
        )
    root = root_from_file(source) if source is not None else root_from_tuf(tuf_url, tuf_root)
    save_root(root, output, replace=replace)
    _show_root(root, output, as_json=as_json)


def show(
    path: Annotated[Path, typer.Argument(help="A root of trust (JSON) or a trust policy.")],
    *,
    as_json: JsonFlag = False,
) -> None:
    """Show whom a trust policy or a root of trust believes, after checking that it is one."""
    from kfp_provenance.verify import load_sigstore_root, load_trust

    if path.suffix == ".json":
        _show_root(load_sigstore_root(path), path, as_json=as_json)
    else:
        _show_policy(load_trust(path), path, as_json=as_json)


def _show_root(root: SigstoreRoot, path: Path, *, as_json: bool) -> None:
    from kfp_provenance.cli.trust_roots import describe_root

    rows = describe_root(root)
    if as_json:
        print_json({"file": str(path), "digest": str(root.digest), "authorities": rows})
        return
    print_fields({"root of trust": str(path), "digest": str(root.digest)})
    print_table(list(rows[0]), [list(row.values()) for row in rows])


def _show_policy(trust: Trust, path: Path, *, as_json: bool) -> None:
    from kfp_provenance.attest.statement import timestamp

    def listed(values: frozenset[str] | None) -> str:
        return "any" if values is None else ", ".join(sorted(value or '""' for value in values))

    signers = [
        {
            "signer": signer.label,
            "builders": ", ".join(sorted(uri.rsplit("/builders/")[-1] for uri in signer.builders)),
            "pipelines": listed(signer.pipelines),
            "namespaces": listed(signer.namespaces),
            "not before": timestamp(signer.not_before) if signer.not_before else "",
            "not after": timestamp(signer.not_after) if signer.not_after else "",
        }
        for signer in trust.signers
    ]
    required, revoked = trust.requirements, trust.revoked
    age = required.maximum_age
    limits = {
        "roots": listed(trust.roots),
        "required steps": ", ".join(sorted(required.steps)),
        "required components": ", ".join(
            " ".join(filter(None, (c.name, str(c.source_digest or ""))))
            for c in required.components
        ),
        "minimum level": f"SLSA Build L{required.level}",
        "maximum age": f"{age.days} days" if age is not None else "",
        "root of trust": str(trust.sigstore.digest) if trust.sigstore is not None else "",
        "revoked": f"{len(revoked.digests)} digests, {len(revoked.keys)} keys, "
        f"{len(revoked.identities)} identities",
        "revision": str(trust.revision),
    }
    if as_json:
        print_json({"file": str(path), "signers": signers, **limits})
        return
    heading(f"trust policy {path}")
    print_table(list(signers[0]), [list(row.values()) for row in signers])
    typer.echo("")
    print_fields(limits)
