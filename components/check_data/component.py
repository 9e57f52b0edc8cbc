"""The component ``check_data``."""

from kfp.dsl import HTML, Artifact, Dataset, Input, Metrics, Output

from kfp_provenance import component
from kfp_provenance.components._image import BASE_IMAGE


@component(base_image=BASE_IMAGE, install_kfp_package=False)
def check_data(
    profile: Input[Artifact],
    report: Output[Artifact],
    page: Output[HTML],
    metrics: Output[Metrics],
    baseline: str = "",
    baseline_digest: str = "",
    baseline_task: str = "",
    public_key: str = "",
    trust: str = "",
    allow_no_baseline: bool = False,
    thresholds: dict = {},
    label: str = "",
    dataset: Input[Dataset] = None,
    key: list = [],
    max_bytes: int = 2_147_483_648,
):
    """Compare the data with that of the approved run, and fail if it is not like it.

    Compares data profiles: columns, rows, nulls, and the distribution of every column and of
    the label by population stability index (PSI). Profiles do not show which row is which:
    labels that were flipped as often one way as the other look unchanged in them. With
    `dataset` the rows are compared too. All outputs are written before a broken limit fails the
    step; hand `report` to `sign` as evidence. The task must not be taken from the cache, which
    does not know that another run was approved: `set_caching_options(enable_caching=False)`.

    Args:
        profile: Profile of the data, of `ingest`.
        report: Limits, differences and baseline as canonical JSON. No cells of the data but
            those that the profiles show.
        page: The same for people, one HTML page.
        metrics: Number of broken limits, largest PSI, PSI of the label, and so on.
        baseline: What to compare with: `published:DESTINATION/NAME.json` for the pointer that
            `publish` moves, whose run is verified; or a path, or a `file:`, `gs:` or `https:`
            URI, of a profile. Empty only with `allow_no_baseline`.
        baseline_digest: `sha256:<hex>` of the baseline profile; for a path or a URI.
        baseline_task: Task that ingested the data of the approved run, if several did.
        public_key: PEM of the key that must have signed the approved run, or
        trust: Path, in the task, of a trust policy that says who may have signed it.
        allow_no_baseline: For the first run of all: an empty `baseline`, or a pointer that is
            not there, leaves `min_rows` and `max_nulls` as the only limits. Take it away after
            that run: with it, whoever deletes the pointer turns the comparison off.
        thresholds: `{"max_psi": 0.25, "max_label_psi": 0.1, "max_label_flip": 0.1,
            "max_null_increase": 0.05, "max_row_change": 0.5, "allow_schema_change": False,
            "allow_reordering": True, "min_rows": "off", "max_nulls": "off", "columns":
            {"NAME": {"max_psi", "max_null_increase", "max_nulls", "ignore"}}}`; these are the
            defaults, "off" is no limit. Shares are 0 to 1. Columns of moments have a limit of
            PSI only by name. What cannot be measured fails the step.
        label: Column of the label; empty takes the one that was named in `ingest`.
        dataset: The data set, to compare its rows with those of the approved run; for a
            published baseline.
        key: Columns that name a row; empty takes those that the schema of `ingest` declared.
            Without any, rows match that are equal in all but the label.
        max_bytes: Largest size of the approved data set, if it is read.
    """
    import json
    from pathlib import Path

    from kfp_provenance.components.check_data.baseline import Asked
    from kfp_provenance.components.check_data.checking import Data, check_table
    from kfp_provenance.components.check_data.judging import enforce

    declared = dataset.metadata.get("key", "[]") if dataset is not None else "[]"
    check = check_table(
        Data(
            Path(profile.path),
            Path(dataset.path) if dataset is not None else None,
            tuple(str(name) for name in key or json.loads(declared)),
            label,
            int(max_bytes),
        ),
        Asked(baseline, baseline_digest, baseline_task, public_key, trust, allow_no_baseline),
        thresholds,
    )
    for name, value in check.metrics.items():
        metrics.log_metric(name, value)
    for output, content in ((report, check.report), (page, check.page.encode())):
        target = Path(output.path)
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes(content)
    report.metadata["format"] = "json"
    enforce(check.judged)
