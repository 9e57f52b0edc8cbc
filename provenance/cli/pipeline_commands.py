"""``kprov compile`` and ``kprov run``."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from kfp_provenance.cli.output import JsonFlag, StoreOption, print_fields, print_json
from kfp_provenance.codes import Code
from kfp_provenance.errors import SettingsError

if TYPE_CHECKING:
    from kfp_provenance.facts import CodeState

PipelineArgument = Annotated[
    str,
    typer.Argument(
        help="A pipeline of this package (tabular_training), FILE.py:FUNCTION or MODULE:FUNCTION."
    ),
]
PackageOption = Annotated[
    str,
    typer.Option(
        help="What tasks install to be tracked: a requirement, a wheel, or `image` if the image "
        "has this package (else KPROV_PACKAGE, else this very version)."
    ),
]
ParameterOption = Annotated[
    list[str] | None, typer.Option("--parameter", "-p", help="NAME=VALUE; VALUE is JSON or text.")
]

StepSignerOption = Annotated[
    str,
    typer.Option(help="Signer that each task signs its own step with (else KPROV_STEP_SIGNER)."),
]


def register(app: typer.Typer) -> None:
    """Add the commands to ``app``."""
    app.command("compile")(compile_)
    app.command("run")(run)


def compile_(
    pipeline: PipelineArgument,
    output: Annotated[Path, typer.Option("--output", "-o", help="The YAML file to write.")],
    *,
    image: Annotated[
        str, typer.Option(help="Image of the package's own components, best by digest.")
    ] = "",
    package: PackageOption = "",
    store: Annotated[
        str, typer.Option(help="Store that every task records to; else KPROV_STORE in its pod.")
    ] = "",
    step_signer: StepSignerOption = "",
    no_code: Annotated[
        bool, typer.Option("--no-code", help="Leave the state of the git repository out.")
    ] = False,
    parameter: ParameterOption = None,
    as_json: JsonFlag = False,
) -> None:
    """Compile a pipeline whose tasks know its digest and its code."""
    from kfp_provenance.authoring import compile_pipeline
    from kfp_provenance.authoring.loading import load_pipeline
    from kfp_provenance.settings import setting

    _set_for_import(image=image, package=package, no_code=no_code)
    compiled = compile_pipeline(
        load_pipeline(pipeline),
        output,
        parameters=read_parameters(parameter or []) or None,
        code=None if no_code else code_of_directory(),
        store=store,
        step_signer=setting("step_signer", step_signer),
    )
    fields = {
        "pipeline": compiled.name,
        "file": str(compiled.path),
        "digest": str(compiled.digest),
        "tracked": " ".join(compiled.tracked),
        "untracked": " ".join(compiled.untracked),
    }
    print_json(fields) if as_json else print_fields(fields)


def run(
    pipeline: PipelineArgument,
    *,
    parameter: ParameterOption = None,
    root: Annotated[Path, typer.Option(help="Folder of all local runs.")] = Path(".kprov/runs"),
    store: StoreOption = "",
    step_signer: StepSignerOption = "",
    verbose: Annotated[bool, typer.Option("--verbose", "-v", help="Show KFP's own log.")] = False,
    as_json: JsonFlag = False,
) -> None:
    """Run a pipeline on this machine, every task a subprocess of this Python."""
    from kfp_provenance.authoring import compile_pipeline, run_locally
    from kfp_provenance.authoring.loading import load_pipeline
    from kfp_provenance.cli.local_output import quiet_runner
    from kfp_provenance.settings import setting, store_setting

    _set_for_import(image="", package="image", no_code=False)
    uri, code = store_setting(store), code_of_directory()
    compiled = compile_pipeline(load_pipeline(pipeline), root / "pipeline.yaml", code=code)
    with quiet_runner(root / "run.log", verbose=verbose, to_stderr=as_json):
        finished = run_locally(
            compiled,
            root=root,
            store=uri,
            arguments=read_parameters(parameter or []),
            code=code,
            step_signer=setting("step_signer", step_signer),
        )
    fields = {"run": finished.id, "outputs": str(finished.folder), "store": uri}
    print_json(fields) if as_json else print_fields(fields)


def read_parameters(pairs: list[str]) -> dict[str, object]:
    """``NAME=VALUE`` pairs; a value that is not JSON is text.

    Raises:
        SettingsError: USAGE for a pair without a name.
    """
    values: dict[str, object] = {}
    for pair in pairs:
        name, equals, text = pair.partition("=")
        if not equals or not name:
            raise SettingsError(
                Code.USAGE,
                "a parameter is NAME=VALUE",
                where="--parameter",
                found=name[:40],
                remedy="write for example -p seed=7",
            )
        try:
            values[name] = json.loads(text)
        except json.JSONDecodeError:
            values[name] = text
    return values


def code_of_directory() -> CodeState | None:
    """State of the repository that ``kprov`` is called in."""
    from kfp_provenance.runtime.code_state import code_state

    return code_state(Path.cwd())


def _set_for_import(*, image: str, package: str, no_code: bool) -> None:
    """Components take these when they are imported."""
    for name, value in (
        ("KPROV_IMAGE", image),
        ("KPROV_PACKAGE", package),
        ("KPROV_CODE", "none" if no_code else ""),
    ):
        if value:
            os.environ[name] = value
