"""Run a compiled pipeline on this machine with ``kfp.local``."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import yaml
from kfp import components, local

from kfp_provenance.authoring.compiling import DIGEST_VARIABLE, CompiledPipeline, load_documents
from kfp_provenance.codes import Code
from kfp_provenance.errors import AuthoringError
from kfp_provenance.facts import CodeState
from kfp_provenance.runtime import code_state


@dataclass(frozen=True)
class LocalRun:
    """A finished local run.

    Attributes:
        id: Id of the run: the name of its folder.
        folder: Where its outputs are, ``<root>/<id>/<task>/<output>``.
    """

    id: str
    folder: Path


def run_locally(
    compiled: CompiledPipeline,
    *,
    root: Path,
    store: str,
    arguments: Mapping[str, object] | None = None,
    code: CodeState | None = None,
    step_signer: str = "",
) -> LocalRun:
    """Run every task as a subprocess of this Python.

    Args:
        compiled: What :func:`compile_pipeline` made.
        root: Folder of all local runs.
        store: Store URI that the tasks record to.
        arguments: Values for the pipeline's parameters.
        code: State of the author's repository; carried to the tasks.
        step_signer: URI of the signer that every task signs its own step with.

    Raises:
        AuthoringError: RUN_FAILED if a task failed; VALUE_ALTERED_BY_RUNNER if a path or a
            value holds ``python3``, which KFP's local runner would rewrite.
    """
    given = dict(arguments or {})
    _refuse_rewritten(root, given)
    root.mkdir(parents=True, exist_ok=True)
    local.init(local.SubprocessRunner(use_venv=False), pipeline_root=str(root))
    before = {entry.name for entry in root.iterdir()}
    pipeline = components.load_component_from_text(_for_local_runner(compiled.path))
    variables = {
        "KPROV_STORE": store,
        DIGEST_VARIABLE: str(compiled.digest),
        code_state.VARIABLE: code_state.to_variable(code),
        "KPROV_STEP_SIGNER": step_signer,
    }
    failure: Exception | None = None
    with _environment(variables):
        try:
            pipeline(**given)
        except (RuntimeError, TypeError, ValueError) as error:
            failure = error
    new = sorted(entry.name for entry in root.iterdir() if entry.name not in before)
    ours = [name for name in new if name.startswith(f"{compiled.name}-")]
    if failure is not None or not ours:
        raise AuthoringError(
            Code.RUN_FAILED,
            "the run failed",
            where=str(root / ours[-1]) if ours else str(root),
            found=str(failure or "no folder of outputs"),
            remedy="read the task's message above; `kprov show` has what was recorded",
        ) from failure
    return LocalRun(ours[-1], root / ours[-1])


def _for_local_runner(path: Path) -> str:
    """The pipeline without the optional artifacts that no task is given.

    The local runner of kfp 2.13 looks them up and fails; the executor hands the function
    None for them either way.
    """
    documents = load_documents(path)
    specification = documents[0]
    graphs = [specification["root"], *specification.get("components", {}).values()]
    tasks = [task for graph in graphs for task in graph.get("dag", {}).get("tasks", {}).values()]
    for name, declared in specification.get("components", {}).items():
        using = [task for task in tasks if task["componentRef"]["name"] == name]
        given = {key for task in using for key in task.get("inputs", {}).get("artifacts", {})}
        artifacts = declared.get("inputDefinitions", {}).get("artifacts", {})
        for key in [k for k, entry in artifacts.items() if entry.get("isOptional")]:
            if key not in given:
                del artifacts[key]
    return yaml.safe_dump_all(documents)


def _refuse_rewritten(root: Path, arguments: Mapping[str, object]) -> None:
    suspects = {"the folder of runs": str(root.absolute())}
    suspects |= {f"parameter {name}": repr(value) for name, value in arguments.items()}
    for what, text in suspects.items():
        if "python3" in text:
            raise AuthoringError(
                Code.VALUE_ALTERED_BY_RUNNER,
                f"{what} holds the text python3, which KFP's local runner rewrites",
                found=text[:200],
                remedy="use another value, or run in a cluster",
            )


@contextmanager
def _environment(variables: Mapping[str, str]) -> Iterator[None]:
    before = {name: os.environ.get(name) for name in variables}
    os.environ.update(variables)
    try:
        yield
    finally:
        for name, value in before.items():
            if value is None:
                os.environ.pop(name, None)
            else:
                os.environ[name] = value
