"""The life of one tracked step: inputs, user code, outputs, record."""

from __future__ import annotations

import os
import sys
import uuid
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from pathlib import Path
from traceback import TracebackException

from kfp_provenance.errors import ProvenanceError
from kfp_provenance.facts import (
    ComponentReference,
    Digest,
    Input,
    Outcome,
    Output,
    Parameter,
    Step,
    StepFailure,
)
from kfp_provenance.runtime import code_state
from kfp_provenance.runtime.artifacts import (
    metadata_with_announcement,
    read_input,
    read_output,
)
from kfp_provenance.runtime.context import TaskContext, enter_task
from kfp_provenance.runtime.executor_input import ExecutorInput
from kfp_provenance.runtime.executor_output import ExecutorOutput
from kfp_provenance.runtime.identity import TaskIdentity
from kfp_provenance.runtime.recording import RecorderProcess
from kfp_provenance.runtime.redaction import Redactor
from kfp_provenance.tracking import TaskTracking
from kfp_provenance.version import distribution_version

_MESSAGE_LIMIT = 2000


class TrackedStep:
    """Hashes, compares, runs, hashes again, announces and records.

    Args:
        tracking: What the decorator fixed.
        given: What KFP's launcher hands over.
        identity: Which run and task this is.
        recorder: Holds the store open.

    Raises:
        ProvenanceError: If what the decorator or the compiler fixed is damaged.
    """

    def __init__(
        self,
        tracking: TaskTracking,
        given: ExecutorInput,
        identity: TaskIdentity,
        recorder: RecorderProcess,
    ) -> None:
        self._started = datetime.now(UTC)
        self._given = given
        self._identity = identity
        self._recorder = recorder
        self._id = str(uuid.uuid4())
        self._component = ComponentReference(
            tracking.component,
            tracking.version,
            Digest.parse(tracking.source),
            tracking.resolved_image(given.parameters),
        )
        self._code = code_state.from_variable(os.environ.get(code_state.VARIABLE, "none"))
        self._redactor = Redactor.from_environment(tracking.secret_parameters)
        self._context = TaskContext(
            step=self._id,
            identity=self._identity,
            pipeline_digest=os.environ.get("KPROV_PIPELINE_DIGEST", ""),
            store=recorder.store,
            inputs=(),
        )
        self._probe = self._code_probe()
        self._environment: Digest | None = None

    def prepare(self) -> None:
        """Hash the inputs and open the store; nothing of the user has run yet.

        Raises:
            TaskError: INPUT_DIGEST_MISMATCH and others; the refusal is recorded.
        """
        try:
            inputs = self._read_inputs()
        except (ProvenanceError, SystemExit) as error:
            self._record_failure(error)
            raise
        self._environment = self._recorder.wait_until_ready()
        self._context.inputs = inputs
        enter_task(self._context)

    def run(self, execute: Callable[[], None]) -> None:
        """Run user code and record how it ended.

        Raises:
            TaskError: If the outputs cannot be hashed or the record not be written.
        """
        try:
            execute()
        except SystemExit as stop:
            if stop.code not in (None, 0):
                self._record_failure(stop)
                raise
        except BaseException as error:
            # whatever ends user code ends the step, and must not end it unrecorded
            self._record_failure(error)
            raise
        try:
            outputs, results = self._read_outputs()
        except (ProvenanceError, SystemExit) as error:
            self._record_failure(error)
            raise
        self._record(Outcome.SUCCEEDED, outputs, results)

    def _read_inputs(self) -> tuple[Input, ...]:
        found = (
            read_input(name, index, artifact)
            for name, group in sorted(self._given.inputs.items())
            for index, artifact in enumerate(group)
        )
        return tuple(filter(None, found))

    def _read_outputs(self) -> tuple[tuple[Output, ...], tuple[Parameter, ...]]:
        written = ExecutorOutput.read(self._given)
        outputs = []
        for name, index, artifact in written.artifacts():
            output = read_output(name, index, artifact)
            if output is not None:
                outputs.append(output)
                metadata = metadata_with_announcement(artifact.metadata, output, self._id)
                written.set_metadata(name, index, metadata)
        written.write()
        return tuple(outputs), self._redacted(written.parameters())

    def _redacted(self, parameters: Mapping[str, object]) -> tuple[Parameter, ...]:
        return tuple(
            self._redactor.parameter(name, parameters[name]) for name in sorted(parameters)
        )

    def _record_failure(self, error: BaseException) -> None:
        """Record FAILED. The task shows ``error``, whatever becomes of the record."""
        try:
            self._record(Outcome.FAILED, failure=self._failure(error))
        except ProvenanceError as lost:
            sys.stderr.write(f"{lost.diagnostics()}\n")

    def _record(
        self,
        outcome: Outcome,
        outputs: tuple[Output, ...] = (),
        results: tuple[Parameter, ...] = (),
        failure: StepFailure | None = None,
    ) -> None:
        if self._environment is None:
            self._environment = self._recorder.wait_until_ready()
        if self._probe is not None:
            self._code = self._probe.result()
        identity = self._identity
        step = Step(
            id=self._id,
            run=identity.run,
            task=identity.task,
            pipeline=identity.pipeline,
            pipeline_digest=self._context.pipeline_digest,
            namespace=identity.namespace,
            attempt=identity.attempt,
            component=self._component,
            code=self._code,
            environment=self._environment,
            parameters=self._redacted(self._given.parameters),
            results=results,
            inputs=(*self._context.inputs, *self._context.sources),
            outputs=outputs,
            started=self._started,
            finished=datetime.now(UTC),
            outcome=outcome,
            failure=failure,
            runtime_version=distribution_version(),
        )
        self._recorder.record(step)

    def _failure(self, error: BaseException) -> StepFailure:
        if isinstance(error, ProvenanceError):
            message = f"{error.code}: {error.message}"
        else:
            message = _message(error)
        message = self._redactor.text(message, self._given.parameters).replace("\0", "")
        return StepFailure(type(error).__name__, message[:_MESSAGE_LIMIT])

    def _code_probe(self) -> code_state.CodeProbe | None:
        """In a local run compiling and running are one act: the work tree is at hand."""
        if code_state.VARIABLE in os.environ or self._identity.in_cluster:
            return None
        return code_state.CodeProbe(Path.cwd())


def _message(error: BaseException) -> str:
    """Text of an error of user code, which may have none, or hold what is not Unicode."""
    # not str(): it runs the error's own code, which may fail in its turn
    text = str(TracebackException(type(error), error, None, limit=0))
    return text.encode("utf-8", "backslashreplace").decode()
