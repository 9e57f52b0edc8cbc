"""Which run and which task this process is.

KFP tells a task neither: a run id among its parameters would turn caching off, and its
environment has none. Both are in the locations of its outputs, which the driver lays out
as ``<root>/<pipeline>/<run id>/<task>/<salt>/<output>`` in a cluster (``provisionOutputs``
in backend/src/v2/driver of kubeflow/pipelines) and ``<root>/<pipeline>-<time>/<task>/<output>``
in a local run.
"""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from kfp_provenance.codes import Code
from kfp_provenance.errors import TaskError
from kfp_provenance.runtime.executor_input import ExecutorInput

_UUID = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}")
_LOCAL_RUN = re.compile(r"(?P<pipeline>.+)-\d{4}(?:-\d{2}){5}-\d{6}")
_RETRY_SUFFIX = re.compile(r"executor-logs-(\d{1,6})$")
_NAMESPACE_FILE = Path("/var/run/secrets/kubernetes.io/serviceaccount/namespace")


@dataclass(frozen=True)
class TaskIdentity:
    """Names of this execution.

    Attributes:
        run: Id of the run: a UUID in a cluster, the run's folder in a local run.
        pipeline: Name of the pipeline.
        task: Path of the task in the run.
        namespace: Kubernetes namespace; empty in a local run.
        attempt: 1 for the first try; 0 where KFP does not tell (the recorder counts).
        in_cluster: Whether the task runs in a pod.
    """

    run: str
    pipeline: str
    task: str
    namespace: str
    attempt: int
    in_cluster: bool


def in_cluster(environ: Mapping[str, str] = os.environ) -> bool:
    """Whether KFP's launcher runs this task in a pod.

    Any other pod may be a notebook, where a local run is as local as on a laptop.
    """
    return bool(environ.get("KFP_POD_NAME"))


def identify(given: ExecutorInput, environ: Mapping[str, str] = os.environ) -> TaskIdentity:
    """Find run, pipeline and task.

    ``KPROV_RUN``, ``KPROV_PIPELINE_NAME`` and ``KPROV_TASK`` together override what the
    locations say, for orchestrators with another layout.

    Raises:
        TaskError: RUN_UNKNOWN if the locations have neither form.
    """
    override = tuple(
        environ.get(key, "") for key in ("KPROV_RUN", "KPROV_PIPELINE_NAME", "KPROV_TASK")
    )
    found = override if all(override) else _from_locations(given)
    if found is None:
        raise TaskError(
            Code.RUN_UNKNOWN,
            "the run of this task cannot be told from the locations of its outputs",
            where=given.logs_uri or given.output_file,
            expected="<root>/<pipeline>/<run id>/<task>/<salt>/<output> or a folder of kfp.local",
            remedy="run the task through KFP, or set KPROV_RUN, KPROV_PIPELINE_NAME, KPROV_TASK",
        )
    run, pipeline, task = found
    # another orchestrator may leave KFP_POD_NAME out; only kfp.local names its runs by time
    in_pod = bool(environ.get("KUBERNETES_SERVICE_HOST")) and not _LOCAL_RUN.fullmatch(run)
    cluster = in_cluster(environ) or in_pod
    return TaskIdentity(
        run=run,
        pipeline=pipeline,
        task=task,
        namespace=_namespace(environ) if cluster else "",
        attempt=_attempt(given, environ, cluster=cluster),
        in_cluster=cluster,
    )


def _from_locations(given: ExecutorInput) -> tuple[str, str, str] | None:
    locations = [given.logs_uri, given.output_file]
    locations += [artifact.uri for group in given.outputs.values() for artifact in group]
    for location in filter(None, locations):
        parts = location.split("/")
        found = _cluster_layout(parts) or _local_layout(parts)
        if found:
            return found
    return None


def _cluster_layout(parts: list[str]) -> tuple[str, str, str] | None:
    if len(parts) < 5:  # noqa: PLR2004 - pipeline, run, task, salt, output
        return None
    pipeline, run, task, salt = parts[-5:-1]
    if _UUID.fullmatch(run) and _UUID.fullmatch(salt) and pipeline and task:
        return run, pipeline, task
    return None


def _local_layout(parts: list[str]) -> tuple[str, str, str] | None:
    for position, part in enumerate(parts[:-2]):
        match = _LOCAL_RUN.fullmatch(part)
        if match:
            return part, match["pipeline"], "/".join(parts[position + 1 : -1])
    return None


def _attempt(given: ExecutorInput, environ: Mapping[str, str], *, cluster: bool) -> int:
    index = environ.get("KFP_RETRY_INDEX", "")
    if index.isdecimal():
        return int(index) + 1
    match = _RETRY_SUFFIX.search(given.logs_uri)
    if match:
        return int(match[1]) + 1
    return 1 if cluster else 0


def _namespace(environ: Mapping[str, str]) -> str:
    named = environ.get("KPROV_NAMESPACE") or environ.get("POD_NAMESPACE")
    if named:
        return named
    try:
        return _NAMESPACE_FILE.read_text(encoding="utf-8").strip()
    except OSError:
        return ""  # a pod without a mounted service account: the namespace is not known
