"""``kprov gate load``: KServe's storage initializer."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from kfp_provenance.cli.output import JsonFlag, print_json
from kfp_provenance.cli.trust_options import (
    IdentityOption,
    IssuerOption,
    KeyOption,
    RootOption,
    TrustOption,
    trust_of,
)

if TYPE_CHECKING:
    from kfp_provenance.gate.loading import Limits, Loaded
    from kfp_provenance.verify import Trust

_MOST = 1 << 50


def register(app: typer.Typer) -> None:
    """Add the command to the group ``gate``, which is made if it is not there yet."""
    for group in app.registered_groups:
        if group.name == "gate" and group.typer_instance is not None:
            group.typer_instance.command("load")(load)
            return
    gate = typer.Typer(help="What enforces a verdict.", no_args_is_help=True)
    gate.command("load")(load)
    app.add_typer(gate, name="gate")


def load(
    models: Annotated[list[str], typer.Argument(metavar="URI PATH [URI PATH ...]")],
    trust: TrustOption = None,
    key: KeyOption = None,
    identity: IdentityOption = "",
    issuer: IssuerOption = "",
    trusted_root: RootOption = "",
    as_json: JsonFlag = False,
) -> None:
    """Fill directories with verified models, or leave them empty.

    What is in PATH is removed first. Whom to trust is also read from KPROV_TRUST, KPROV_KEY,
    or KPROV_IDENTITY with KPROV_ISSUER; limits from KPROV_LOAD_MAX_BYTES and
    KPROV_LOAD_MAX_FILES; claims from VERIFICATION_DIGEST and KPROV_VERIFICATION. The reason
    of a refusal is also written to KPROV_TERMINATION_LOG, else /dev/termination-log.
    """
    from kfp_provenance.errors import ProvenanceError
    from kfp_provenance.gate.loading import (
        load_models,
        parse_request,
        refusal_message,
        success_message,
    )

    try:
        loaded = load_models(
            parse_request(models),
            _trust(key, trust, identity, issuer, trusted_root),
            limits=_limits(),
            now=datetime.now(UTC),
            say=lambda text: typer.echo(text, err=True),
        )
    except ProvenanceError as error:
        _tell_kubelet(refusal_message(error))
        for finding in getattr(error, "findings", ())[1:]:
            typer.echo(f"also {finding.code}: {finding.message}", err=True)
        raise
    _tell_kubelet(success_message(loaded))
    _print(loaded, as_json=as_json)


def _trust(
    key: Path | None, trust: Path | None, identity: str, issuer: str, trusted_root: str
) -> Trust:
    """As the flags say; without any of them, as the environment does."""
    from kfp_provenance.settings import setting

    if not (key or trust or identity or issuer):
        key, trust = _path(setting("key")), _path(setting("trust"))
        identity, issuer = setting("identity"), setting("issuer")
    return trust_of(key, trust, identity, issuer, trusted_root)


def _path(text: str) -> Path | None:
    return Path(text) if text else None


def _limits() -> Limits:
    from kfp_provenance.gate.loading import Limits

    default = Limits()
    return Limits(
        _number("load_max_bytes", default.size), _number("load_max_files", default.files)
    )


def _number(name: str, default: int) -> int:
    from kfp_provenance.codes import Code
    from kfp_provenance.errors import SettingsError
    from kfp_provenance.settings import setting

    text = setting(name)
    if not text:
        return default
    if not (text.isascii() and text.isdecimal() and len(text) < 17 and 0 < int(text) <= _MOST):
        raise SettingsError(
            Code.SETTING_INVALID,
            "a limit is a number above 0",
            where=f"KPROV_{name.upper()}",
            expected=f"1 to {_MOST}",
            found=repr(text[:80]),
            remedy="correct it, or leave it out",
        )
    return int(text)


def _tell_kubelet(text: str) -> None:
    from kfp_provenance.gate.loading import write_message

    problem = write_message(text)
    if problem:
        typer.echo(problem, err=True)


def _print(loaded: tuple[Loaded, ...], *, as_json: bool) -> None:
    if as_json:
        print_json(
            [
                {
                    "uri": model.uri,
                    "path": str(model.target),
                    "digest": str(model.content.digest),
                    "kind": str(model.content.kind),
                    "size": model.content.size,
                    "bundle": {
                        "uri": model.vouched.bundle,
                        "digest": str(model.vouched.bundle_digest),
                    },
                    "signers": list(model.vouched.signers),
                }
                for model in loaded
            ]
        )
        return
    for model in loaded:
        signers = ", ".join(model.vouched.signers)
        typer.secho(
            f"LOADED  {model.target}  {model.content.digest}  {model.uri}, signed by {signers}",
            fg=typer.colors.GREEN,
        )
