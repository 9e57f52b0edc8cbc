"""The drill's own pipelines: data sets and models that are directories of several files."""

# no `from __future__ import annotations`: KFP reads the annotations
from kfp import dsl
from kfp.dsl import Dataset, Input, Metrics, Model, Output

from kfp_provenance.authoring import Tracking, component
from kfp_provenance.components import publish, sign

tracked = component(
    base_image="python:3.11", install_kfp_package=False, tracking=Tracking(package="image")
)


@tracked
def gather(source: str, shards: Output[Dataset]):
    """Copy a folder from outside the pipeline; the same bytes give the same data set."""
    from shutil import copytree

    import kfp_provenance
    from kfp_provenance.hashing import hash_path

    kfp_provenance.declare_source("source", uri=source, content=hash_path(source))
    copytree(source, shards.path)


@tracked
def fit(shards: Input[Dataset], model: Output[Model], tokenizer: Output[Model], rate: float):
    """A model is what was read and how: all of it is in the bytes."""
    import hashlib
    import json
    from pathlib import Path

    files = sorted(path for path in Path(shards.path).rglob("*") if path.is_file())
    read = hashlib.sha256(b"".join(path.read_bytes() for path in files))
    weights = b"".join(hashlib.sha256(read.digest() + bytes([n])).digest() for n in range(64))
    for folder, texts in (
        (model.path, {"config.json": json.dumps({"rate": rate}), "vocab/tokens.txt": "a\nb\n"}),
        (tokenizer.path, {"config.json": json.dumps({"lower": True}), "vocab/tokens.txt": "c\n"}),
    ):
        for name, text in {**texts, "vocab/.complete": ""}.items():
            path = Path(folder, name)
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text)
    Path(model.path, "weights.bin").write_bytes(weights + json.dumps(rate).encode())


@tracked
def assess(
    model: Input[Model],
    tokenizer: Input[Model],
    control: Input[Dataset],
    metrics: Output[Metrics],
    bound: float,
):
    """Numbers that somebody may want to be better."""
    import json
    from pathlib import Path

    rate = json.loads(Path(model.path, "config.json").read_text())["rate"]
    accuracy = 0.5 + float(rate)
    assert accuracy > bound
    metrics.log_metric("accuracy", accuracy)


def _trained(source, rate, bound, signer, step_trust):
    """From the folder to the signed model: a diamond, and one data set made twice."""
    shards, control = gather(source=source), gather(source=source)
    fitted = fit(shards=shards.output, rate=rate)
    model, tokenizer = fitted.outputs["model"], fitted.outputs["tokenizer"]
    assessed = assess(model=model, tokenizer=tokenizer, control=control.output, bound=bound)
    signed = sign(
        model=model,
        signer=signer,
        run=dsl.PIPELINE_JOB_ID_PLACEHOLDER,
        step_trust=step_trust,
        evidence_1=assessed.outputs["metrics"],
        evidence_2=tokenizer,
        evidence_3=shards.output,
    )
    signed.set_caching_options(enable_caching=False)
    return model, signed.outputs["bundle"]


@dsl.pipeline(name="drill")
def drill(
    source: str,
    rate: float,
    signer: str,
    public_key: str,
    destination: str,
    name: str = "drill",
    bound: float = 0.5,
):
    """Trains, signs and publishes."""
    model, bundle = _trained(source, rate, bound, signer, "")
    publish(model=model, bundle=bundle, destination=destination, name=name, public_key=public_key)


@dsl.pipeline(name="another")
def another(source: str, rate: float, signer: str, step_trust: str = ""):
    """Another pipeline of the same steps, which does not publish."""
    _trained(source, rate, 0.5, signer, step_trust)
