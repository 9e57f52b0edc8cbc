"""Whether this store says what was signed: what the page shows is what the verdict is about."""

from __future__ import annotations

from collections.abc import Iterator

from kfp_provenance.codes import Code
from kfp_provenance.errors import StoreError
from kfp_provenance.facts import Finding, Step
from kfp_provenance.lineage.checks import step_label
from kfp_provenance.metadata import LineageIndex
from kfp_provenance.verify import ChainView
from kfp_provenance.verify.compare import differences

_STEPS = 500
"""Signed steps that are compared while somebody waits."""


def compared(index: LineageIndex, view: ChainView) -> Iterator[Finding]:
    """Compare every signed step with its record, as ``kprov verify --store`` does.

    Raises:
        StoreError: If the store cannot be read.
    """
    if len(view.steps) > _STEPS:
        yield Finding(
            Code.STORE_UNSUPPORTED,
            "the chain is too long to be compared with the store here",
            expected=f"{_STEPS} steps at most",
            found=f"{len(view.steps)} steps",
            remedy="compare it with `kprov verify --store`",
        )
        return
    try:
        stored = _records(index, view)
    except StoreError as error:
        if error.code is not Code.STORE_CORRUPT:
            raise
        yield Finding(error.code, error.message, artifact=error.where, remedy=error.remedy)
        return
    for step in view.steps.values():
        if step.id not in stored:
            yield Finding(
                Code.STORE_STEP_MISSING,
                "the store has no record of a signed step",
                step=step_label(step),
                expected=step.id,
                found="no such step",
                remedy="the record was removed, or this is another store",
            )
            continue
        for field, signed, found in differences(step, stored[step.id]):
            yield Finding(
                Code.STORE_STEP_DIFFERS,
                f"the store says something else than what was signed: {field}",
                step=step_label(step),
                artifact=field,
                expected=signed,
                found=found,
                remedy="the record was changed after signing: trust the bundle, mend the store",
            )


def _records(index: LineageIndex, view: ChainView) -> dict[str, Step]:
    """Records of the signed steps, as the store lists them in their runs."""
    rows: list[int] = []
    for run in dict.fromkeys(step.run for step in view.steps.values()):
        listed = index.steps(index.steps_of_run(run))
        rows += [row.id for row in listed if row.step in view.steps]
    return {step.id: step for step in index.records(rows)}
