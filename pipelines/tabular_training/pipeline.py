"""The pipeline ``tabular_training``."""

from kfp import dsl

from kfp_provenance.components import evaluate, ingest, preprocess, publish, sign, train
from kfp_provenance.components._image import BASE_IMAGE


@dsl.pipeline(
    name="tabular-training",
    description="Ingest a table, train and evaluate a model, sign its whole chain, publish it.",
)
def tabular_training(
    source: str,
    label: str,
    signer: str,
    destination: str,
    model_name: str,
    public_key: str = "",
    trust: str = "",
    step_trust: str = "",
    source_digest: str = "",
    schema: dict = {},
    target: dict = {},
    features: list = [],
    encode: str = "onehot",
    test_fraction: float = 0.2,
    seed: int = 0,
    estimator: str = "sklearn.ensemble.HistGradientBoostingClassifier",
    hyperparameters: dict = {},
    thresholds: dict = {},
    roots: list = [],
    require_all_bytes: bool = False,
    image: str = BASE_IMAGE,
):
    """Ingest, preprocess, train, evaluate, sign, publish.

    Every artifact of the run is handed to ``sign``, so that KFP mounts its bytes there and
    they are hashed again whatever was taken from the cache.

    Args:
        source: A path, or a `file:`, `gs:` or `https:` URI, of the raw CSV or Parquet.
        label: Column to predict.
        signer: URI of the signer, for example ``file:/keys/signer.key``.
        destination: Folder or bucket of published models.
        model_name: Name of the published model.
        public_key: PEM of the signer's public key, or
        trust: Path, in the tasks, of a trust policy, see ``publish``.
        step_trust: Path of a trust policy for steps that sign themselves, see ``sign``.
        source_digest: Expected digest of the raw bytes; empty takes any and records it.
        schema: Declared schema of the table, see ``ingest``.
        target: Rule that makes the label from another column, see ``preprocess``.
        features: Columns to learn from; empty takes all.
        encode: ``onehot`` or ``ordinal``.
        test_fraction: Share of the rows for testing.
        seed: Of split and estimator.
        estimator: Import path of the scikit-learn estimator.
        hyperparameters: Its arguments.
        thresholds: Metrics that must hold, see ``evaluate``.
        roots: Digests or URIs that may come from outside, see ``sign``.
        require_all_bytes: Refuse to sign if an artifact's stored bytes cannot be read.
        image: Image of every task, best by digest (``name@sha256:...``).
    """
    raw = ingest(uri=source, expected_digest=source_digest, schema=schema)
    prepared = preprocess(
        dataset=raw.outputs["dataset"],
        label=label,
        target=target,
        features=features,
        encode=encode,
        test_fraction=test_fraction,
        seed=seed,
    )
    trained = train(
        training_data=prepared.outputs["training_data"],
        label=label,
        estimator=estimator,
        hyperparameters=hyperparameters,
        seed=seed,
    )
    evaluated = evaluate(
        model=trained.outputs["model"],
        test_data=prepared.outputs["test_data"],
        label=label,
        thresholds=thresholds,
    )
    signed = sign(
        model=trained.outputs["model"],
        signer=signer,
        run=dsl.PIPELINE_JOB_ID_PLACEHOLDER,
        roots=roots,
        require_all_bytes=require_all_bytes,
        step_trust=step_trust,
        evidence_1=evaluated.outputs["metrics"],
        evidence_2=evaluated.outputs["report"],
        evidence_3=raw.outputs["dataset"],
        evidence_4=raw.outputs["profile"],
        evidence_5=prepared.outputs["training_data"],
        evidence_6=prepared.outputs["test_data"],
        evidence_7=prepared.outputs["transformer"],
    )
    signed.set_caching_options(enable_caching=False)
    published = publish(
        model=trained.outputs["model"],
        bundle=signed.outputs["bundle"],
        destination=destination,
        name=model_name,
        public_key=public_key,
        trust=trust,
    )
    for task in (raw, prepared, trained, evaluated, signed, published):
        task.set_container_image(image)
