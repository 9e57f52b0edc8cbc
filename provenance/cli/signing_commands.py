"""``kprov sign`` and ``kprov verify``."""

from __future__ import annotations

from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from kfp_provenance.cli.output import JsonFlag, StoreOption, print_fields, print_json
from kfp_provenance.cli.trust_options import (
    IdentityOption,
    IssuerOption,
    KeyOption,
    RootOption,
    TrustOption,
    trust_of,
)
from kfp_provenance.codes import Code
from kfp_provenance.errors import SettingsError

if TYPE_CHECKING:
    from kfp_provenance.facts import Artifact, Input, Run
    from kfp_provenance.signing import Signer


def register(app: typer.Typer) -> None:
    """Add the commands to ``app``."""
    app.command("sign")(sign)
    app.command("verify")(verify)


def sign(
    run: Annotated[str, typer.Argument(help="Id of a recorded run.")],
    *,
    output: Annotated[Path, typer.Option("--output", "-o", help="The bundle to write.")],
    signer: Annotated[
        str, typer.Option(help="file:KEY, vault:NAME, sigstore: (else KPROV_SIGNER, kprov.toml).")
    ] = "",
    subject: Annotated[
        list[str] | None,
        typer.Option(help="TASK/OUTPUT to sign, the model first (default: the run's models)."),
    ] = None,
    root: Annotated[
        list[str] | None,
        typer.Option(help="Digest or exact URI that may come from outside without a step."),
    ] = None,
    require_all_bytes: Annotated[
        bool, typer.Option("--require-all-bytes", help="Refuse if stored bytes cannot be read.")
    ] = False,
    step_trust: Annotated[
        Path | None,
        typer.Option(help="Trust policy for steps that their own tasks signed; collect these."),
    ] = None,
    oms: Annotated[
        Path | None,
        typer.Option(help="Also write an OpenSSF Model Signing (OMS) signature of the model."),
    ] = None,
    store: StoreOption = "",
    as_json: JsonFlag = False,
) -> None:
    """Sign the chain of a run from outside it, from the store and the stored bytes."""
    from kfp_provenance.attest import OPERATOR_BUILDER
    from kfp_provenance.components.sign.signing import sign_subjects
    from kfp_provenance.lineage import Root
    from kfp_provenance.metadata import open_reader
    from kfp_provenance.settings import setting, store_setting
    from kfp_provenance.signing import open_signer
    from kfp_provenance.verify import load_trust

    with closing(open_reader(store_setting(store))) as reader:
        subjects = subjects_of(reader.run(run), subject or [])
        opened = open_signer(setting("signer", signer), _ask)
        signed = sign_subjects(
            reader,
            subjects,
            run=run,
            signer=opened,
            roots=[Root.parse(text) for text in root or []],
            require_all_bytes=require_all_bytes,
            builder=OPERATOR_BUILDER,
            step_trust=load_trust(step_trust) if step_trust is not None else None,
        )
    beside = _oms_signature(subjects[0].artifact, opened, oms) if oms is not None else b""
    output.write_bytes(signed.bundle)
    if oms is not None:
        oms.write_bytes(beside + b"\n")
    fields = {
        "bundle": str(output),
        "oms": str(oms or ""),
        "run": run,
        "subject": signed.subject,
        "steps": str(signed.steps),
        "signer": signed.signer,
    }
    print_json(fields) if as_json else print_fields(fields)


def _oms_signature(model: Artifact, signer: Signer, target: Path) -> bytes:
    """Sign the stored model itself, where this machine has its bytes."""
    from kfp_provenance.signing.oms import sign_model

    scheme, path = model.uri.partition(":")[0], model.uri.removeprefix("file://")
    if not path.startswith("/"):
        raise SettingsError(
            Code.URI_UNSUPPORTED,
            "an OMS signature is made of bytes on this machine",
            where=model.uri,
            expected="a path, or file:///PATH",
            found=f"{scheme}:...",
            remedy="fetch the model, verify it, and sign it with model_signing",
        )
    return sign_model(Path(path), signer, signed=model, target=target)


def verify(
    path: Annotated[Path, typer.Argument(help="The model or data: a file or a directory.")],
    *,
    bundle: Annotated[Path, typer.Option(help="Its provenance bundle (.sigstore.jsonl).")],
    key: KeyOption = None,
    trust: TrustOption = None,
    identity: IdentityOption = "",
    issuer: IssuerOption = "",
    trusted_root: RootOption = "",
    subject: Annotated[
        str | None,
        typer.Option(help="Subject of the bundle that PATH must be, if it is not the model."),
    ] = None,
    store: Annotated[
        str, typer.Option(help="Compare with this metadata store and the stored bytes as well.")
    ] = "",
    as_json: JsonFlag = False,
) -> None:
    """Verify offline that a model's chain holds, back to the raw bytes."""
    from kfp_provenance.cli.verification import (
        print_verification,
        verification_json,
        verify_path,
    )

    policy = trust_of(key, trust, identity, issuer, trusted_root)
    checked = verify_path(path, bundle, trust=policy, store=store, subject=subject)
    if as_json:
        print_json(verification_json(checked))
    else:
        print_verification(checked)
    raise typer.Exit(int(checked.verdict.exit_code))


def subjects_of(run: Run, names: list[str]) -> list[Input]:
    """Outputs to sign, as the signing step would get them.

    Without names: every ``system.Model`` of a successful step, the one made last first; what
    was fitted on the way to it, as a transformer, is made before it.

    Raises:
        SettingsError: USAGE if a name is no output of the run, or nothing is left.
    """
    from kfp_provenance.facts import Input, InputOrigin, Outcome

    steps = sorted(run.steps, key=lambda step: (step.finished, step.id), reverse=True)
    made = [
        (f"{step.task}/{port.name}", step, port)
        for step in steps
        if step.outcome is Outcome.SUCCEEDED
        for port in step.outputs
    ]
    for name in names:
        if name not in [known for known, _, _ in made]:
            raise _no_subject(name, [known for known, _, _ in made])
    # a task in a loop has made one output of this name each time
    chosen = [found for name in names for found in made if found[0] == name]
    if not names:
        chosen = [found for found in made if found[2].artifact.type == "system.Model"]
    subjects: list[Input] = []
    for _, step, port in chosen:
        subject = Input(
            _unused(port.name, {given.name for given in subjects}),
            port.index,
            port.artifact,
            InputOrigin.STEP,
            producer=step.id,
            output=port.name,
            output_index=port.index,
        )
        subjects.append(subject)
    if not subjects:
        raise _no_subject("a system.Model", [known for known, _, _ in made])
    return subjects


def _unused(name: str, used: set[str]) -> str:
    """``name``, or it with a number: the subjects of a summary have names of their own."""
    count, free = 1, name
    while free in used:
        count += 1
        free = f"{name}_{count}"
    return free


def _no_subject(name: str, known: list[str]) -> SettingsError:
    return SettingsError(
        Code.USAGE,
        "the run has no such output",
        where=name,
        expected="one of " + ", ".join(known) if known else "a run with outputs",
        remedy="name it as TASK/OUTPUT with --subject",
    )


def _ask(key: str) -> str:
    answer: str = typer.prompt(f"Passphrase of {key}", hide_input=True, err=True)
    return answer
