"""A small stand-in for the backend of Kubeflow Pipelines: driver, launcher, MLMD, cache.

It takes a compiled pipeline and runs each task as the launcher of KFP 2.17 does: inputs are
downloaded from an object store to ``/minio/<bucket>/...``, placeholders in the compiled
command are replaced, the command runs as a process, outputs are uploaded, and what the task
wrote into their metadata goes through KFP's own MLMD to the next task. Sources, all in
backend/src/v2 of kubeflow/pipelines: driver/driver.go (provisionOutputs), driver/resolve.go,
driver/cache.go, component/launcher_v2.go, metadata/converter.go, cacheutils/cache.go.

Only what the tests need is here: one flat graph of containers, no loops, no importers.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import uuid
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path

import yaml

from support.interop import absent
from support.launcher_values import (
    Json,
    fingerprint,
    from_mlmd,
    merge_artifact,
    replaced_command,
    to_mlmd,
)

MOUNT = Path("/minio")
SESSION_INFO = json.dumps(
    {
        "Provider": "minio",
        "Params": {
            "endpoint": "minio-service.kubeflow:9000",
            "secretName": "mlpipeline-minio-artifact",
            "accessKeyKey": "accesskey",
            "secretKeyKey": "secretkey",
        },
    }
)


@dataclass(frozen=True)
class ClusterRun:
    """A run of the backend.

    Attributes:
        id: UUID of the run.
        states: COMPLETE, CACHED or FAILED by task, in the order in which they ran.
        logs: What each task printed.
        inputs: Executor input of each task that ran.
    """

    id: str
    states: dict[str, str] = field(default_factory=dict)
    logs: dict[str, str] = field(default_factory=dict)
    inputs: dict[str, Json] = field(default_factory=dict)
    outputs: dict[str, dict[str, int]] = field(default_factory=dict)
    parameters: dict[str, Json] = field(default_factory=dict)


class Backend:
    """Object store, MLMD and cache; they outlive the runs.

    Args:
        folder: Private folder of this backend.
        bucket: Name of its bucket, whose mount is emptied before each task: every pod has
            a file system of its own.
        environ: Environment of every pod.
        legacy_output_file: Whether the executor output is below ``/tmp``, as the driver
            had it before the outputs' folder.
    """

    def __init__(
        self, folder: Path, bucket: str, environ: Mapping[str, str], *, legacy_output_file: bool
    ) -> None:
        self.folder = folder
        self.root = f"minio://{bucket}/v2/artifacts"
        self._bucket = bucket
        self._environ = dict(environ)
        self._legacy = legacy_output_file
        self._artifacts: list[Json] = []
        self._cache: dict[str, tuple[dict[str, int], Json]] = {}
        self._scratch = Path("/tmp") / bucket  # noqa: S108 - the launcher's own place

    def submit(self, file: Path, arguments: Mapping[str, object] | None = None) -> ClusterRun:
        """Run a compiled pipeline until it ends or a task fails."""
        spec = next(yaml.safe_load_all(file.read_text(encoding="utf-8")))
        run = ClusterRun(str(uuid.uuid4()))
        declared = spec["root"].get("inputDefinitions", {}).get("parameters", {})
        given = {name: d["defaultValue"] for name, d in declared.items() if "defaultValue" in d}
        given |= dict(arguments or {})
        for name, task in _in_order(spec["root"]["dag"]["tasks"]):
            state = self._task(spec, run, name, task, given)
            run.states[name] = state
            if state == "FAILED":
                break
        return run

    def object_of(self, run: ClusterRun, task: str, output: str) -> Path:
        """Where the object store keeps an output."""
        return self._object(self._artifacts[run.outputs[task][output]]["uri"])

    def _object(self, uri: str) -> Path:
        return self.folder / "objects" / uri.removeprefix("minio://")

    def _task(self, spec: Json, run: ClusterRun, name: str, task: Json, given: Json) -> str:
        component = spec["components"][task["componentRef"]["name"]]
        executor = spec["deploymentSpec"]["executors"][component["executorLabel"]]
        container = executor["container"]
        inputs = self._resolve_inputs(run, task, given)
        outputs = self._provision(spec["pipelineInfo"]["name"], run, name, component)
        key = fingerprint(container, inputs, outputs, component)
        if task.get("cachingOptions", {}).get("enableCache") and key in self._cache:
            run.outputs[name], run.parameters[name] = self._cache[key]
            return "CACHED"
        executor_input = {"inputs": inputs, "outputs": outputs}
        run.inputs[name] = executor_input
        self._new_pod()
        self._download(inputs)
        _make_folders(outputs)
        code, run.logs[name] = self._execute(run, name, container, component, executor_input)
        if code != 0:
            return "FAILED"
        self._publish(run, name, outputs)
        if task.get("cachingOptions", {}).get("enableCache"):
            self._cache[key] = (run.outputs[name], run.parameters[name])
        return "COMPLETE"

    # --- driver

    def _resolve_inputs(self, run: ClusterRun, task: Json, given: Json) -> Json:
        values: Json = {}
        artifacts: Json = {}
        asked = task.get("inputs", {})
        for name, source in asked.get("parameters", {}).items():
            if "componentInputParameter" in source:
                values[name] = given[source["componentInputParameter"]]
            elif "taskOutputParameter" in source:
                output = source["taskOutputParameter"]
                values[name] = run.parameters[output["producerTask"]][output["outputParameterKey"]]
            else:
                constant = source["runtimeValue"]["constant"]
                values[name] = run.id if constant == "{{$.pipeline_job_uuid}}" else constant
        for name, source in asked.get("artifacts", {}).items():
            output = source["taskOutputArtifact"]
            number = run.outputs[output["producerTask"]][output["outputArtifactKey"]]
            stored = self._artifacts[number]
            artifacts[name] = {
                "artifacts": [
                    {
                        "name": str(number),
                        "type": {"instanceSchema": ""},  # the schema title is lost on the way
                        "uri": stored["uri"],
                        "metadata": from_mlmd(stored["properties"]),
                    }
                ]
            }
        return {"parameterValues": values, "artifacts": artifacts}

    def _provision(self, pipeline: str, run: ClusterRun, task: str, component: Json) -> Json:
        place = f"{self.root}/{pipeline}/{run.id}/{task}/{uuid.uuid4()}"
        definitions = component.get("outputDefinitions", {})
        types = {
            name: entry["artifactType"] for name, entry in definitions.get("artifacts", {}).items()
        }
        types["executor-logs"] = {"schemaTitle": "system.Artifact"}
        local = str(MOUNT / place.removeprefix("minio://") / "output_metadata.json")
        legacy = str(self._scratch / "kfp_outputs/output_metadata.json")
        return {
            "artifacts": {
                name: {"artifacts": [{"name": name, "type": kind, "uri": f"{place}/{name}"}]}
                for name, kind in types.items()
            },
            "parameters": {
                name: {"outputFile": str(self._scratch / "kfp/outputs" / name)}
                for name in definitions.get("parameters", {})
            },
            "outputFile": legacy if self._legacy else local,
        }

    # --- launcher

    def _new_pod(self) -> None:
        for folder in (MOUNT / self._bucket, self._scratch):
            shutil.rmtree(folder, ignore_errors=True)
        (self._scratch / "work").mkdir(parents=True)

    def _download(self, inputs: Json) -> None:
        for artifact in _listed(inputs):
            source, target = self._object(artifact["uri"]), _local(artifact["uri"])
            target.parent.mkdir(parents=True, exist_ok=True)
            if source.is_dir():
                shutil.copytree(source, target)
            elif source.exists():
                shutil.copyfile(source, target)

    def _execute(
        self, run: ClusterRun, name: str, container: Json, component: Json, executor_input: Json
    ) -> tuple[int, str]:
        logs = executor_input["outputs"]["artifacts"]["executor-logs"]["artifacts"][0]
        logs["uri"] += "-0"  # attempt, counted from 0
        command = replaced_command(container, component, executor_input)
        environment = {
            "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}",
            "HOME": str(self._scratch),
            "KFP_POD_NAME": f"{name}-{run.id[:8]}",
            "KFP_POD_UID": str(uuid.uuid4()),
            "ARGO_NODE_ID": f"{name}-{run.id[:8]}",
            "KUBERNETES_SERVICE_HOST": "10.96.0.1",
            **{entry["name"]: entry["value"] for entry in container.get("env", [])},
            **self._environ,
        }
        # the launcher copies until the last writer is gone; the file grows while the step runs
        with (
            _local(logs["uri"]).open("wb") as stream,
            subprocess.Popen(
                command,
                cwd=self._scratch / "work",
                env=environment,
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            ) as process,
        ):
            assert process.stdout is not None
            for line in process.stdout:
                stream.write(line)
                stream.flush()
        text = _local(logs["uri"]).read_text(encoding="utf-8", errors="replace")
        return process.returncode, text

    def _publish(self, run: ClusterRun, name: str, outputs: Json) -> None:
        file = Path(outputs["outputFile"])
        written = json.loads(file.read_text(encoding="utf-8")) if file.exists() else {}
        run.outputs[name] = {}
        for output, group in outputs["artifacts"].items():
            (artifact,) = group["artifacts"]
            announced = written.get("artifacts", {}).get(output)
            if announced and output != "executor-logs":
                merge_artifact(announced["artifacts"][0], artifact)
            source, target = _local(artifact["uri"]), self._object(artifact["uri"])
            target.parent.mkdir(parents=True, exist_ok=True)
            if source.is_dir():
                shutil.copytree(source, target)
            elif source.exists():
                shutil.copyfile(source, target)
            properties = {k: to_mlmd(v) for k, v in artifact.get("metadata", {}).items()}
            properties.setdefault("display_name", output)
            properties.setdefault("store_session_info", SESSION_INFO)
            self._artifacts.append({"uri": artifact["uri"], "properties": properties})
            run.outputs[name][output] = len(self._artifacts) - 1
        values = written.get("parameterValues", {})
        for parameter, place in outputs["parameters"].items():
            if parameter not in values:
                values[parameter] = Path(place["outputFile"]).read_text(encoding="utf-8")
        run.parameters[name] = values


@contextmanager
def backend(
    folder: Path, environ: Mapping[str, str], *, legacy_output_file: bool = False
) -> Iterator[Backend]:
    """A backend with a bucket of its own; skips where ``/minio`` cannot be made."""
    bucket = f"kprov-test-{uuid.uuid4()}"
    try:
        _make_mount(MOUNT / bucket)
    except OSError as error:
        absent(f"the mount of KFP's launcher cannot be made: {error}")
    one = Backend(folder, bucket, environ, legacy_output_file=legacy_output_file)
    try:
        yield one
    finally:
        shutil.rmtree(MOUNT / bucket, ignore_errors=True)
        shutil.rmtree(Path("/tmp") / bucket, ignore_errors=True)  # noqa: S108
        with suppress(OSError):  # others may use it
            MOUNT.rmdir()


def _make_mount(path: Path) -> None:
    for _ in range(20):
        with suppress(FileNotFoundError):  # another worker has just removed the empty mount
            path.mkdir(parents=True)
            return
    path.mkdir(parents=True)


def _in_order(tasks: Json) -> Iterator[tuple[str, Json]]:
    done: set[str] = set()
    while len(done) < len(tasks):
        ready = [n for n in tasks if n not in done and done >= set(_needs(tasks[n]))]
        assert ready, "the graph has a cycle"
        for name in sorted(ready):
            yield name, tasks[name]
        done.update(ready)


def _needs(task: Json) -> list[str]:
    needs: list[str] = task.get("dependentTasks", [])
    return needs


def _make_folders(outputs: Json) -> None:
    for place in outputs["parameters"].values():
        Path(place["outputFile"]).parent.mkdir(parents=True, exist_ok=True)
    for artifact in _listed(outputs):
        _local(artifact["uri"]).parent.mkdir(parents=True, exist_ok=True)


def _listed(part: Json) -> list[Json]:
    return [artifact for group in part["artifacts"].values() for artifact in group["artifacts"]]


def _local(uri: str) -> Path:
    return MOUNT / uri.removeprefix("minio://")
