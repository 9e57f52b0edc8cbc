"""Whether this store says what was signed: what the page shows is what the verdict is about."""

from __future__ import annotations

from collections.abc import Iterator

from kfp_provenance.codes import Code
from kfp_provenance.errors import StoreError
from kfp_provenance.facts import Finding, Step
from kfp_provenance.metadata import LineageIndex
from kfp_provenance.verify import ChainView
from kfp_provenance.verify.compare import compare_step

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
        yield from compare_step(step, stored.get(step.id))


def _records(index: LineageIndex, view: ChainView) -> dict[str, Step]:
    """Records of the signed steps, as the store lists them in their runs."""
    rows: list[int] = []
    for run in dict.fromkeys(step.run for step in view.steps.values()):
        listed = index.steps(index.steps_of_run(run))
        rows += [row.id for row in listed if row.step in view.steps]
    return {step.id: step for step in index.records(rows)}
