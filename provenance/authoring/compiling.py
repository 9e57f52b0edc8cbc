"""Compile a pipeline and tie its tasks to the compiled specification."""

from __future__ import annotations

import re
import tempfile
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import rfc8785
import yaml
from kfp import compiler

from kfp_provenance.authoring.command import replace_tracking, tracking_of
from kfp_provenance.codes import Code
from kfp_provenance.errors import AuthoringError
from kfp_provenance.facts import CodeState, Digest
from kfp_provenance.runtime import code_state
from kfp_provenance.tracking import PARAMETER_IMAGE

DIGEST_VARIABLE = "KPROV_PIPELINE_DIGEST"
"""Environment variable that carries the pipeline's digest to its tasks."""

_IMAGE_PLACEHOLDER = re.compile(r"\{\{\$\.inputs\.parameters\[['\"]([^'\"]+)['\"]\]\}\}")


class _Dumper(yaml.SafeDumper):
    """Quotes every text that the backend's YAML reader takes for a boolean or a number.

    PyYAML writes a parameter named ``y`` and the texts ``1e3`` and ``08`` without quotes, and
    KFP's API server, written in Go, reads true, 1000 and 8.
    """


_Dumper.add_implicit_resolver("tag:yaml.org,2002:bool", re.compile(r"[yYnN]\Z"), list("yYnN"))
_Dumper.add_implicit_resolver(
    "tag:yaml.org,2002:float",
    re.compile(r"[-+]?(?:\.[0-9]+|[0-9]+\.?[0-9]*)(?:[eE][-+]?[0-9]+)?\Z"),
    list("-+.0123456789"),
)
_Dumper.add_implicit_resolver("tag:yaml.org,2002:int", re.compile(r"[-+]?0o[0-7]+\Z"), list("-+0"))


@dataclass(frozen=True)
class CompiledPipeline:
    """A compiled pipeline.

    Attributes:
        path: The YAML file.
        name: Name of the pipeline.
        digest: SHA-256 over the canonical JSON (RFC 8785) of the specification, without
            the environment variable that carries this digest.
        tasks: Labels of the executors, by whether they are tracked.
    """

    path: Path
    name: str
    digest: Digest
    tracked: tuple[str, ...]
    untracked: tuple[str, ...]


# Any: a pipeline is one of several classes of KFP, which ship no types
def compile_pipeline(
    pipeline: Any,
    path: str | Path,
    *,
    parameters: Mapping[str, object] | None = None,
    code: CodeState | None = None,
    store: str = "",
    step_signer: str = "",
) -> CompiledPipeline:
    """Compile ``pipeline`` to YAML that KFP can submit.

    Compared with ``kfp.compiler.Compiler`` it adds to each tracked task the digest of the
    whole pipeline, the image that the task really asks for, and the state of the code.
    Both additions are environment variables or the tracking argument: the digest is not
    part of KFP's cache key.

    Args:
        pipeline: A function decorated with ``dsl.pipeline``, or a component.
        path: Where the YAML goes; replaced if it exists.
        parameters: Values for the pipeline's parameters.
        code: State of the author's repository, for tasks whose component has none.
        store: Store URI that every task records to, unless its component fixes another.
        step_signer: Signer that every task signs its own step with, unless its component
            fixes another.

    Raises:
        AuthoringError: PIPELINE_INVALID if KFP cannot compile it.
    """
    target = Path(path)
    header, documents = _compile(pipeline, parameters)
    specification = documents[0]
    tracked: list[str] = []
    untracked: list[str] = []
    for label, container in _containers(specification):
        (tracked if _tie(container, code, store, step_signer) else untracked).append(label)
    digest = pipeline_digest(documents)
    for _, container in _containers(specification):
        if tracking_of(container.get("command", [])):
            _set_variable(container, DIGEST_VARIABLE, str(digest))
    body = yaml.dump_all(
        documents, Dumper=_Dumper, sort_keys=True, explicit_start=len(documents) > 1
    )
    target.parent.mkdir(parents=True, exist_ok=True)
    target.write_text(header + body, encoding="utf-8")
    return CompiledPipeline(
        target, specification["pipelineInfo"]["name"], digest, tuple(tracked), tuple(untracked)
    )


def pipeline_digest(documents: list[dict[str, Any]]) -> Digest:
    """Digest of a compiled pipeline, whether or not its tasks carry it already."""
    stripped = yaml.safe_load(yaml.safe_dump(documents))  # a deep copy of plain data
    for _, container in _containers(stripped[0]):
        _drop_variable(container, DIGEST_VARIABLE)
    return Digest.of(rfc8785.dumps(stripped))


def load_documents(path: Path) -> list[dict[str, Any]]:
    """The documents of a compiled pipeline: its specification, perhaps its platform's.

    Raises:
        AuthoringError: PIPELINE_INVALID if it is not a compiled pipeline.
    """
    try:
        documents = [d for d in yaml.safe_load_all(path.read_text(encoding="utf-8")) if d]
    except (OSError, ValueError, yaml.YAMLError) as error:
        raise _invalid(str(path), str(error)[:300]) from error
    if not documents or not isinstance(documents[0], dict) or "pipelineInfo" not in documents[0]:
        raise _invalid(str(path), "no pipelineInfo in the first document")
    return documents


def _compile(
    pipeline: Any, parameters: Mapping[str, object] | None
) -> tuple[str, list[dict[str, Any]]]:
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "pipeline.yaml"
        try:
            compiler.Compiler().compile(pipeline, str(file), pipeline_parameters=parameters)
        except (ValueError, TypeError, RuntimeError) as error:
            raise _invalid(getattr(pipeline, "name", str(pipeline)), str(error)) from error
        file.write_text(_all_commented(file.read_text(encoding="utf-8")), encoding="utf-8")
        documents = load_documents(file)
        lines = file.read_text(encoding="utf-8").splitlines(keepends=True)
    header = []
    for line in lines:
        if not line.startswith("#"):
            break
        header.append(line)
    return "".join(header), documents


def _all_commented(text: str) -> str:
    """KFP's YAML, which leaves the later lines of a default value outside its comment."""
    head, components, body = text.partition("\ncomponents:\n")
    if not components:
        return text
    lines = (line if line.startswith("#") else f"#      {line}" for line in head.splitlines())
    return "\n".join(lines) + components + body


def _containers(specification: Mapping[str, Any]) -> Iterator[tuple[str, dict[str, Any]]]:
    executors = specification.get("deploymentSpec", {}).get("executors", {})
    for label in sorted(executors):
        if "container" in executors[label]:
            yield label, executors[label]["container"]


def _tie(container: dict[str, Any], code: CodeState | None, store: str, step_signer: str) -> bool:
    """Bring the tracking of one container in step; False if it is not tracked."""
    tracking = tracking_of(container.get("command", []))
    if tracking is None:
        return False
    image = container.get("image", "")
    placeholder = _IMAGE_PLACEHOLDER.fullmatch(image)
    asked = f"{PARAMETER_IMAGE}{placeholder[1]}" if placeholder else image
    tied = replace(
        tracking,
        image=asked,
        store=tracking.store or store,
        step_signer=tracking.step_signer or step_signer,
    )
    container["command"] = replace_tracking(container["command"], tied)
    known = {entry["name"] for entry in container.get("env", [])}
    if code is not None and code_state.VARIABLE not in known:
        _set_variable(container, code_state.VARIABLE, code_state.to_variable(code))
    return True


def _set_variable(container: dict[str, Any], name: str, value: str) -> None:
    _drop_variable(container, name)
    container.setdefault("env", []).append({"name": name, "value": value})


def _drop_variable(container: dict[str, Any], name: str) -> None:
    kept = [entry for entry in container.get("env", []) if entry["name"] != name]
    if kept:
        container["env"] = kept
    else:
        container.pop("env", None)


def _invalid(where: str, found: str) -> AuthoringError:
    return AuthoringError(
        Code.PIPELINE_INVALID,
        "the pipeline cannot be compiled",
        where=where,
        found=found,
        remedy="mend what KFP's compiler says about it",
    )
