"""``kprov layout``: files for in-toto's own ``in-toto-verify``."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from kfp_provenance.cli.output import JsonFlag, print_fields, print_json
from kfp_provenance.cli.trust_options import (
    IdentityOption,
    IssuerOption,
    KeyOption,
    RootOption,
    TrustOption,
    trust_of,
)
from kfp_provenance.codes import Code
from kfp_provenance.errors import SettingsError, SigningError

if TYPE_CHECKING:
    from kfp_provenance.signing import KeySigner, PublicKey

_LIMIT = 64 * 1024

SignerOption = Annotated[
    str, typer.Option(help="Signer with a key: file: or vault: (else KPROV_SIGNER).")
]


def register(app: typer.Typer) -> None:
    """Add the commands to ``app``."""
    layout = typer.Typer(help="in-toto layouts and links.", no_args_is_help=True)
    layout.command("make")(make)
    layout.command("links")(links)
    app.add_typer(layout, name="layout")


def make(
    pipeline: Annotated[
        str, typer.Argument(help="A compiled pipeline (.yaml), or what `kprov compile` takes.")
    ],
    *,
    output: Annotated[Path, typer.Option("--output", "-o", help="The layout to write.")],
    functionary: Annotated[
        list[Path],
        typer.Option(help="PEM public key that may sign links; give several if any may."),
    ],
    signer: SignerOption = "",
    expires_days: Annotated[
        int, typer.Option(min=1, max=36_500, help="Days until the layout expires.")
    ] = 365,
    subject: Annotated[
        list[str] | None,
        typer.Option(
            help="TASK/OUTPUT that is signed, the model first (default: what the signing step "
            "takes, else the pipeline's models)."
        ),
    ] = None,
    source: Annotated[
        list[str] | None,
        typer.Option(help="Task that may read from outside the pipeline (default: every task)."),
    ] = None,
    inspect_model: Annotated[
        bool,
        typer.Option(
            "--inspect-model", help="Compare the model file TASK/OUTPUT in the current folder, too."
        ),
    ] = False,
    as_json: JsonFlag = False,
) -> None:
    """Derive the in-toto layout of a pipeline's signed chains, and sign it."""
    from kfp_provenance.authoring.compiled import read_specification
    from kfp_provenance.layout import check_library, key_id, make_layout, plan_layout

    check_library()
    keys = [_public_key(path) for path in functionary]
    specification = read_specification(pipeline)
    plan = plan_layout(specification.document, specification.tracked, subject or [])
    opened = _key_signer(signer)
    expires = datetime.now(UTC) + timedelta(days=expires_days)
    layout = make_layout(
        plan,
        signer=opened,
        functionaries=keys,
        expires=expires,
        readers=source,
        inspect_model=inspect_model,
    )
    output.write_bytes(layout)
    fields = {
        "layout": str(output),
        "pipeline": plan.pipeline,
        "steps": " ".join(step.name for step in plan.steps),
        "model": "/".join(plan.model),
        "expires": expires.isoformat(timespec="seconds"),
        "signer": key_id(opened.public),
        "functionaries": " ".join(key_id(key) for key in keys),
    }
    print_json(fields) if as_json else print_fields(fields)


def links(
    path: Annotated[Path, typer.Argument(help="The model: a file or a directory.")],
    *,
    bundle: Annotated[Path, typer.Option(help="Its provenance bundle (.sigstore.jsonl).")],
    output: Annotated[
        Path, typer.Option("--output", "-o", help="Folder for the links; made if missing.")
    ],
    signer: SignerOption = "",
    key: KeyOption = None,
    trust: TrustOption = None,
    identity: IdentityOption = "",
    issuer: IssuerOption = "",
    trusted_root: RootOption = "",
    as_json: JsonFlag = False,
) -> None:
    """Verify a chain, and sign an in-toto link for each of its steps if it holds."""
    from kfp_provenance.cli.verification import print_verification, verification_json, verify_path
    from kfp_provenance.layout import check_library, key_id, make_links

    check_library()
    checked = verify_path(path, bundle, trust=trust_of(key, trust, identity, issuer, trusted_root))
    if not checked.passed or checked.view is None:
        print_json(verification_json(checked)) if as_json else print_verification(checked)
        raise typer.Exit(int(checked.verdict.exit_code))
    opened = _key_signer(signer)
    files = make_links(checked.view, opened)
    output.mkdir(parents=True, exist_ok=True)
    for file in files:
        (output / file.name).write_bytes(file.data)
    fields = {
        "links": str(output),
        "run": checked.view.summary.run,
        "model": str(checked.content.digest),
        "steps": str(len(files)),
        "functionary": key_id(opened.public),
    }
    print_json(fields) if as_json else print_fields(fields)


def _key_signer(flag: str) -> KeySigner:
    from kfp_provenance.settings import setting
    from kfp_provenance.signing import KeySigner, open_signer

    uri = setting("signer", flag)
    # a keyless one would be asked for a certificate when it is opened
    opened = None if uri.startswith("sigstore:") else open_signer(uri, _ask)
    if not isinstance(opened, KeySigner):
        raise SigningError(
            Code.SIGNER_URI_INVALID,
            "in-toto verifies layouts and links with keys, and this signer has none that lasts",
            expected="file: or vault:",
            remedy="name a key, for example file:signer.key",
        )
    return opened


def _public_key(path: Path) -> PublicKey:
    from kfp_provenance.signing import load_public_key

    try:
        with path.open("rb") as stream:
            return load_public_key(stream.read(_LIMIT), str(path))
    except OSError as error:
        raise SettingsError(
            Code.USAGE,
            "the functionary's public key cannot be read",
            where=str(path),
            found=error.strerror or type(error).__name__,
            remedy="name the PEM file of the public key",
        ) from error


def _ask(key: str) -> str:
    answer: str = typer.prompt(f"Passphrase of {key}", hide_input=True, err=True)
    return answer
