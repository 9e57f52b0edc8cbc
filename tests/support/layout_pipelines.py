"""Pipelines of every shape that a layout is derived from."""

# no `from __future__ import annotations`: KFP reads the annotations
from typing import List  # noqa: UP035 - KFP 2.13 knows no other list of artifacts

from kfp import dsl
from kfp.dsl import Artifact, Dataset, Input, Metrics, Model, Output

from kfp_provenance.authoring import Tracking, component
from kfp_provenance.components import publish, sign

tracked = component(
    base_image="python:3.11", install_kfp_package=False, tracking=Tracking(package="image")
)


@tracked
def load(out: Output[Dataset]):
    out.metadata["x"] = "1"


@tracked
def split(
    table: Input[Dataset], left: Output[Dataset], right: Output[Dataset], log: Output[Metrics]
):
    left.metadata["x"] = right.metadata["x"] = log.metadata["x"] = "1"


@tracked
def fit(data: Input[Dataset], model: Output[Model], extra: Input[Artifact] = None):
    model.metadata["x"] = "1"


@tracked
def score(model: Input[Model], data: Input[Dataset], metrics: Output[Metrics]) -> float:
    metrics.metadata["x"] = "1"
    return 1.0


@tracked
def merge(parts: Input[List[Dataset]], out: Output[Dataset]):
    out.metadata["x"] = "1"


@dsl.component(base_image="python:3.11", install_kfp_package=False)
def copy(data: Input[Dataset], out: Output[Dataset]):
    out.metadata["x"] = "1"


def signed(model, **evidence):
    return sign(model=model, signer="file:/k", run=dsl.PIPELINE_JOB_ID_PLACEHOLDER, **evidence)


@dsl.pipeline(name="straight")
def straight():
    parts = split(table=load().output)
    trained = fit(data=parts.outputs["left"])
    scored = score(model=trained.output, data=parts.outputs["right"])
    bundle = signed(trained.output, evidence_1=scored.outputs["metrics"]).outputs["bundle"]
    publish(
        model=trained.output, bundle=bundle, destination="/d", name="m", public_key="k"
    ).set_display_name("publish it")
    load()  # beside the chain


@dsl.pipeline(name="inner")
def inner(table: Input[Dataset], extra: Input[Artifact] = None) -> Model:
    parts = split(table=table)
    return fit(data=parts.outputs["left"], extra=extra).output


@dsl.pipeline(name="nested")
def nested():
    signed(inner(table=load().output).output)


@dsl.pipeline(name="handler")
def handler():
    done = load()
    with dsl.ExitHandler(done):
        signed(fit(data=load().output).output)


@dsl.pipeline(name="twice")
def twice():
    first = inner(table=load().output)
    second = inner(table=load().output)
    signed(first.output, evidence_1=second.output)


@dsl.pipeline(name="signed-if-good")
def signed_if_good():
    data = load()
    trained = fit(data=data.output)
    scored = score(model=trained.output, data=data.output)
    with dsl.If(scored.outputs["Output"] > 0.5):
        again = fit(data=data.output)
        signed(again.output, evidence_1=trained.output)


@dsl.pipeline(name="signed-in-loop")
def signed_in_loop():
    data = load()
    with dsl.ParallelFor([1, 2]):
        signed(fit(data=data.output).output)


@dsl.pipeline(name="collected")
def collected():
    data = load()
    with dsl.ParallelFor([1, 2]):
        parts = split(table=data.output)
    merged = merge(parts=dsl.Collected(parts.outputs["left"]))
    signed(fit(data=merged.output).output)


@dsl.pipeline(name="one-of")
def one_of():
    data = load()
    trained = fit(data=data.output)
    scored = score(model=trained.output, data=data.output)
    with dsl.If(scored.outputs["Output"] > 0.5):
        first = fit(data=data.output)
    with dsl.Else():
        second = fit(data=data.output)
    signed(dsl.OneOf(first.output, second.output))


@dsl.pipeline(name="from-outside")
def from_outside(uri: str = "/x"):
    imported = dsl.importer(artifact_uri=uri, artifact_class=Dataset)
    copied = copy(data=load().output)
    signed(fit(data=copied.output, extra=imported.output).output)


@dsl.pipeline(name="imported-model")
def imported_model(uri: str = "/x"):
    signed(dsl.importer(artifact_uri=uri, artifact_class=Model).output)


@dsl.pipeline(name="unsigned")
def unsigned():
    parts = split(table=load().output)
    first = fit(data=parts.outputs["left"])
    second = fit(data=parts.outputs["right"], extra=first.output)
    score(model=second.output, data=parts.outputs["right"])


@dsl.pipeline(name="unsigned-loop")
def unsigned_loop():
    data = load()
    with dsl.ParallelFor([1, 2]):
        fit(data=data.output)


@dsl.pipeline(name="unsigned-if")
def unsigned_if():
    data = load()
    trained = fit(data=data.output)
    scored = score(model=trained.output, data=data.output)
    with dsl.If(scored.outputs["Output"] > 0.5):
        fit(data=data.output)


@dsl.pipeline(name="no-model")
def no_model():
    load()


@dsl.pipeline(name="two-signers")
def two_signers():
    data = load()
    signed(fit(data=data.output).output)
    signed(fit(data=data.output).output)


@dsl.pipeline(name="renamed")
def renamed():
    data = load()
    data.set_display_name("Load [1] the data")
    signed(fit(data=data.output).output)


@dsl.pipeline(name="slashed")
def slashed():
    data = load()
    data.set_display_name("../load")
    signed(fit(data=data.output).output)
