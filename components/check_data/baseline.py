"""The profile that a run is compared with: where it is, and whether it is believed."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from pydantic import BaseModel, ConfigDict, ValidationError

from kfp_provenance import declare_source
from kfp_provenance.bundle import MAX_BUNDLE
from kfp_provenance.codes import Code
from kfp_provenance.components._parameters import invalid
from kfp_provenance.components.ingest.ingesting import Source, fetch
from kfp_provenance.data.profile import MAX_BYTES, DataProfile
from kfp_provenance.errors import BundleError, DataError, StorageError
from kfp_provenance.facts import Artifact, ArtifactKind, Digest
from kfp_provenance.hashing import Content
from kfp_provenance.publishing import POINTER_LIMIT, trust_in
from kfp_provenance.storage import open_storage
from kfp_provenance.verify import ChainView, verify_bundle

PUBLISHED = "published:"
PROFILE, DATASET = "profile", "dataset"


@dataclass(frozen=True)
class Asked:
    """What the parameters say of the baseline.

    Attributes:
        baseline: Empty, a URI of a profile, or ``published:`` and the URI of a pointer.
        digest: Digest of the profile, for a URI.
        task: Task that ingested the data, if the approved run has several profiles.
        public_key: PEM of a key, or
        trust: path of a trust policy, for ``published:``.
        may_be_missing: Whether there may be none.
    """

    baseline: str
    digest: str = ""
    task: str = ""
    public_key: str = ""
    trust: str = ""
    may_be_missing: bool = False


@dataclass(frozen=True)
class Approval:
    """The verified run that a published baseline comes from.

    Attributes:
        pointer: URI of the pointer.
        model: Digest of the model that it points to.
        bundle: Digest of its bundle.
        run: The run.
        pipeline: Its pipeline.
        task: Task that wrote the profile.
        signers: Names of who signed.
    """

    pointer: str
    model: str
    bundle: str
    run: str
    pipeline: str
    task: str
    signers: tuple[str, ...]


@dataclass(frozen=True)
class Baseline:
    """A profile that may be compared with.

    Attributes:
        profile: The profile.
        source: Where it was read.
        approval: The run behind it; None if its digest was given.
        dataset: The data set that it is of; None if it is not known.
    """

    profile: DataProfile
    source: Source
    approval: Approval | None = None
    dataset: Artifact | None = None


class _PointedTo(BaseModel):
    model_config = ConfigDict(frozen=True)
    uri: str
    digest: str


class _Model(_PointedTo):
    kind: ArtifactKind


class _Pointer(BaseModel):
    """What `publish` writes; nothing of it is believed."""

    model_config = ConfigDict(frozen=True)
    model: _Model
    bundle: _PointedTo


def find_baseline(asked: Asked, folder: Path) -> Baseline | None:
    """Read the baseline, and declare what was read as sources of the step.

    Args:
        asked: The parameters.
        folder: For what is downloaded.

    Returns:
        None if there is none and there may be none.

    Raises:
        DataError: PARAMETER_INVALID if the parameters contradict each other, name no baseline,
            or the approved run has no profile; DATA_UNREADABLE if it is not one.
        StorageError: OBJECT_MISSING if there is no pointer and there must be one;
            OBJECT_DIGEST_MISMATCH if stored bytes are not those that were approved.
        BundleError: With the code of the first finding if the approved run does not hold.
        TrustError: TRUST_INVALID.
    """
    if asked.baseline.startswith(PUBLISHED):
        return _published(asked, folder)
    if not asked.baseline:
        if not asked.may_be_missing:
            raise invalid(
                "baseline",
                "nothing to compare the data with is named",
                remedy="name the approved run as published:DESTINATION/NAME.json, or pass "
                "allow_no_baseline=True for a run that has none to compare with",
            )
        return None
    if not asked.digest:
        raise invalid(
            "baseline_digest",
            "a baseline that nobody signed needs its digest",
            remedy="pass the digest that `kprov digest` prints for the approved profile",
        )
    source = fetch(
        asked.baseline, folder / "baseline", expected_digest=asked.digest, limit=MAX_BYTES
    )
    profile = DataProfile.read(folder / "baseline")
    _declare("baseline", source)
    return Baseline(profile, source)


def fetch_dataset(dataset: Artifact, target: Path, limit: int) -> None:
    """Download the data set of the baseline, and declare it.

    Args:
        dataset: From a verified statement.
        target: File to write.
        limit: Bytes that it may have.

    Raises:
        StorageError: See :func:`find_baseline`.
    """
    source = fetch(dataset.uri, target, expected_digest=str(dataset.digest), limit=limit)
    _declare("baseline_dataset", source)


def _declare(name: str, source: Source) -> None:
    declare_source(name, uri=source.uri, content=source.content, version=source.version)


def _published(asked: Asked, folder: Path) -> Baseline | None:
    trust = trust_in(asked.public_key, asked.trust)
    uri = asked.baseline.removeprefix(PUBLISHED)
    pointer = _pointer(uri, may_be_missing=asked.may_be_missing)
    if pointer is None:
        return None
    bundle_file = folder / "bundle"
    bundle = fetch(
        pointer.bundle.uri, bundle_file, expected_digest=pointer.bundle.digest, limit=MAX_BUNDLE
    )
    # the chain is about the model; that these are its bytes was judged when it was published
    model = Content(Digest.parse(pointer.model.digest), pointer.model.kind, 0, 0)
    verification = verify_bundle(bundle_file.read_bytes(), trust, model, now=datetime.now(UTC))
    view = verification.view
    if view is None or not verification.verdict.passed:
        first = verification.verdict.findings[0]
        raise BundleError(
            first.code,
            f"the approved run is not believed: {first.message}",
            where=first.step or first.artifact or uri,
            expected=first.expected,
            found=first.found,
            remedy=first.remedy,
        )
    task, artifact, dataset = _approved_profile(view, asked.task, uri)
    source = fetch(
        artifact.uri, folder / "baseline", expected_digest=str(artifact.digest), limit=MAX_BYTES
    )
    profile = DataProfile.read(folder / "baseline")
    _declare("baseline_bundle", bundle)
    _declare("baseline", source)
    summary = view.summary
    approval = Approval(
        pointer=uri,
        model=pointer.model.digest,
        bundle=pointer.bundle.digest,
        run=summary.run,
        pipeline=summary.pipeline,
        task=task,
        signers=view.signers,
    )
    return Baseline(profile, source, approval, dataset)


def _pointer(uri: str, *, may_be_missing: bool) -> _Pointer | None:
    try:
        data = open_storage(uri).read_bytes(POINTER_LIMIT).data
    except StorageError as error:
        if error.code is not Code.OBJECT_MISSING:
            raise
        if may_be_missing:
            return None
        raise StorageError(
            error.code,
            "no run was approved yet",
            where=error.where,
            expected="the pointer that `publish` writes",
            found="nothing",
            remedy="correct the baseline; pass allow_no_baseline=True for the first run of all",
        ) from error
    try:
        return _Pointer.model_validate_json(data)
    except ValidationError as error:
        raise DataError(
            Code.DATA_UNREADABLE,
            "this is no pointer to a published model",
            where=uri,
            remedy="name the file NAME.json that `publish` wrote into its destination",
        ) from error


def _approved_profile(
    view: ChainView, task: str, uri: str
) -> tuple[str, Artifact, Artifact | None]:
    """Task, profile and data set of the one step that wrote a profile."""
    found = {
        output.artifact.digest: (step, output.artifact)
        for step in view.steps.values()
        for output in step.outputs
        if output.name == PROFILE and task in ("", step.task)
    }
    if len(found) != 1:
        tasks = ", ".join(sorted(step.task for step, _ in found.values())[:20])
        raise DataError(
            Code.PARAMETER_INVALID,
            "the approved run has not one data profile",
            where=uri,
            expected=f"one output {PROFILE!r}" + (f" of task {task!r}" if task else ""),
            found=f"{len(found)}: {tasks}" if found else "none",
            remedy="name the task that ingested the data in `baseline_task`",
        )
    step, artifact = next(iter(found.values()))
    datasets = [output.artifact for output in step.outputs if output.name == DATASET]
    return step.task, artifact, datasets[0] if len(datasets) == 1 else None
