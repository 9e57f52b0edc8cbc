"""From KFP's artifacts to hashed ones, and back into KFP's metadata."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import cast

from kfp_provenance.codes import Code
from kfp_provenance.errors import ArtifactError, TaskError
from kfp_provenance.facts import Artifact, ArtifactKind, Digest, Input, InputOrigin, Output
from kfp_provenance.hashing import JSON, Content, hash_path, hash_values
from kfp_provenance.runtime.executor_input import RuntimeArtifact
from kfp_provenance.runtime.identity import in_cluster
from kfp_provenance.runtime.redaction import holds_credential

ANNOUNCEMENT = "kprov_artifact"
"""Key of an artifact's KFP metadata that carries its digest to the next task."""

_METADATA_LIMIT = 64 * 1024


@dataclass(frozen=True)
class Announcement:
    """What a tracked producer says about an artifact.

    Attributes:
        digest: Digest that the producer took after user code had ended.
        kind: What it was taken of.
        step: Id of the producing step.
        output: Name of its output.
        index: Position in that output.
        type: Schema title, which a cluster does not hand on.
    """

    digest: Digest
    kind: ArtifactKind
    step: str
    output: str
    index: int
    type: str

    def to_text(self) -> str:
        """JSON of strings only: KFP's protobuf Struct would change numbers."""
        fields = {
            "digest": str(self.digest),
            "kind": str(self.kind),
            "step": self.step,
            "output": self.output,
            "index": str(self.index),
            "type": self.type,
        }
        return json.dumps(fields, sort_keys=True, separators=(",", ":"))

    @classmethod
    def of(cls, artifact: RuntimeArtifact, place: str) -> Announcement | None:
        """The announcement in an artifact's metadata, or None if there is none.

        Raises:
            TaskError: EXECUTOR_INPUT_INVALID if there is one that cannot be read.
        """
        text = artifact.metadata.get(ANNOUNCEMENT)
        if text is None:
            return None
        try:
            if not isinstance(text, str):
                raise TypeError("not a string")
            fields = json.loads(text)
            return cls(
                digest=Digest.parse(fields["digest"]),
                kind=ArtifactKind(fields["kind"]),
                step=str(fields["step"]),
                output=str(fields["output"]),
                index=int(fields["index"]),
                type=str(fields["type"]),
            )
        except (ValueError, TypeError, KeyError, AttributeError, ArtifactError) as error:
            raise TaskError(
                Code.EXECUTOR_INPUT_INVALID,
                "the digest that the producer announced cannot be read",
                where=f"{place}: metadata.{ANNOUNCEMENT}",
                remedy="something changed the artifact's metadata: find out what, and run again",
            ) from error


def read_input(name: str, index: int, given: RuntimeArtifact) -> Input | None:
    """Hash one input and compare it with what its producer announced.

    Returns:
        None for an artifact that nobody announced and that has neither bytes nor metadata.

    Raises:
        TaskError: INPUT_DIGEST_MISMATCH, or INPUT_MISSING if announced bytes are gone.
        ArtifactError: If the bytes cannot be an artifact.
    """
    announced = Announcement.of(given, f"input {name}")
    found = _artifact(given)
    if announced is None:
        return None if found is None else Input(name, index, found, InputOrigin.IMPORTED)
    if found is None or (
        found.kind is ArtifactKind.VALUES and announced.kind is not ArtifactKind.VALUES
    ):
        # the metadata outlives the bytes, and is not what was announced
        raise TaskError(
            Code.INPUT_MISSING,
            f"the bytes of input {name} are not where its producer put them",
            where=given.uri,
            expected=f"{announced.kind} {announced.digest}",
            found="nothing",
            remedy="restore the bytes, or run the producing step again without its cache",
        )
    if (found.kind, found.digest) != (announced.kind, announced.digest):
        raise TaskError(
            Code.INPUT_DIGEST_MISMATCH,
            f"input {name} is not what step {announced.step} produced",
            where=given.uri,
            expected=f"{announced.kind} {announced.digest}",
            found=f"{found.kind} {found.digest}",
            remedy="find out who changed the bytes; run the producing step again without its cache",
        )
    return Input(
        name,
        index,
        replace(found, type=announced.type),
        InputOrigin.STEP,
        producer=announced.step,
        output=announced.output,
        output_index=announced.index,
    )


def read_output(name: str, index: int, given: RuntimeArtifact) -> Output | None:
    """Hash one output; None if the task wrote neither bytes nor metadata.

    Raises:
        ArtifactError: If the bytes cannot be an artifact.
    """
    found = _artifact(given)
    return None if found is None else Output(name, index, found)


def metadata_with_announcement(
    metadata: Mapping[str, object], output: Output, step: str
) -> dict[str, object]:
    """``metadata`` of an output with the announcement for the next task."""
    artifact = output.artifact
    announcement = Announcement(
        artifact.digest, artifact.kind, step, output.name, output.index, artifact.type
    )
    return {**metadata, ANNOUNCEMENT: announcement.to_text()}


def _artifact(given: RuntimeArtifact) -> Artifact | None:
    from kfp_provenance.storage import without_credentials  # noqa: PLC0415 - seldom needed early

    values, text = hash_values(cast("Mapping[str, JSON]", given.metadata))
    content, version = _content(given)
    if content is None:
        if text == "{}":
            return None
        content = values
    return Artifact(
        digest=content.digest,
        uri=without_credentials(given.uri),
        kind=content.kind,
        size=content.size,
        type=given.schema_title or "system.Artifact",
        version=version,
        metadata=text if _recordable(text) else "",
    )


def _recordable(text: str) -> bool:
    return text != "{}" and len(text) <= _METADATA_LIMIT and not holds_credential(json.loads(text))


def _content(given: RuntimeArtifact) -> tuple[Content | None, str]:
    """Digest of the bytes where the launcher put them, else of the stored object."""
    from kfp_provenance.storage import open_storage, scheme_of  # noqa: PLC0415 - seldom needed early

    path = local_path_of(given)
    if path is not None and (path.exists() or path.is_symlink()):
        return hash_path(path), ""
    # in a cluster everything that there is was downloaded or mounted; locally nothing was
    if path is not None and (
        in_cluster() or scheme_of(given.uri) in ("", "file") or Path(*path.parts[:2]).exists()
    ):
        return None, ""
    if not given.uri:
        return None, ""
    storage = open_storage(given.uri)
    return storage.hash(), storage.stat().version


def local_path_of(given: RuntimeArtifact) -> Path | None:
    """Path of an artifact in this task; None if KFP mounts nothing for its URI."""
    custom = given.raw.get("custom_path") or given.raw.get("customPath")
    if isinstance(custom, str) and custom:
        return Path(custom)
    # KFP's own classes know its mounts and the workspace
    from kfp import dsl  # noqa: PLC0415 - KFP is loaded late, beside the recorder process
    from kfp.dsl.executor import create_artifact_instance  # noqa: PLC0415

    path = str(create_artifact_instance(dict(given.raw), dsl.Artifact).path or "")
    if path.startswith("file:"):
        path = "/" + path.removeprefix("file:").lstrip("/")
    if not path or "://" in path:
        return None
    return Path(path)
