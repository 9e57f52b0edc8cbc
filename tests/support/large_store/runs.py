"""The kinds of runs that a large store has; :mod:`support.large_store.shapes` says how many."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from functools import partial

from kfp_provenance.facts import Artifact, Input, Step, StepFailure
from support.large_store.maker import (
    ENVIRONMENTS,
    Pipeline,
    RunMaker,
    artifact_of,
    digest,
    imported,
    produced,
    source,
    stored,
)

PIPELINES = (
    Pipeline("churn-training", "team-a", ENVIRONMENTS[0]),
    Pipeline("fraud-scoring", "team-a", ENVIRONMENTS[1]),
    Pipeline("price-forecast", "team-b", ENVIRONMENTS[1]),
    Pipeline("image-tagging", "team-c", ENVIRONMENTS[2]),
    Pipeline("notebook-trials", "team-b", ENVIRONMENTS[0], is_committed=False),
)
_POPULAR, _CHAINS, _COPIES = PIPELINES[2], PIPELINES[1], PIPELINES[4]

CHAIN_RUNS = 10
LONG_STEPS = 60
POPULAR_OUTPUTS = 6
BACKGROUND_OUTPUTS = 9
COPY_EVERY, PUBLISH_EVERY, PUBLISHED_NAMES = 4, 10, 20  # of the runs over the popular data set
COPIES_ARTIFACTS = 11
COPIED, PLAIN, PACKED, TWIN = map(digest, ("copied", "plain", "packed", "twin"))
_RETRIED = 61  # one of so many runs of the usual pipeline needs a second attempt


@dataclass(frozen=True)
class ChainKind:
    """How each run of a chain continues the one before: with which output, joined how."""

    output: str
    is_by_digest: bool


CHAIN_KINDS = (
    ChainKind("model", is_by_digest=True),
    ChainKind("model", is_by_digest=False),
    ChainKind("training_data", is_by_digest=True),
    ChainKind("training_data", is_by_digest=False),
)


def raw(name: str) -> Artifact:
    """A data set that no step produced."""
    return stored("dataset", digest(name), f"gs://raw-data/{name}.parquet")


SHARED = tuple(raw(f"shared-{number}") for number in range(49))
"""Data sets that the usual runs read; in a small store there are not as many."""


def popular_name(number: int) -> str:
    """Name of a run that reads the popular data set."""
    return f"popular-{number}"


def reads_copy(number: int) -> bool:
    """Whether that run reads a copy of it, at a place of its own."""
    return number % COPY_EVERY == COPY_EVERY - 1


def publishes(number: int) -> bool:
    """Whether that run publishes its model, in a fourth step."""
    return number % PUBLISH_EVERY == 0


def popular(number: int, start: datetime, dataset: Artifact) -> tuple[Step, ...]:
    """A run of three or four steps and six outputs over ``dataset``."""
    maker = RunMaker(popular_name(number), _POPULAR, start)
    given = source("dataset", dataset)
    if reads_copy(number):
        uri = f"gs://team-b-imports/{popular_name(number)}/dataset.parquet"
        given = imported("dataset", stored("dataset", dataset.digest, uri))
    prepared = _prepare(maker, given, *([] if publishes(number) else ["transformer"]))
    train = _train(maker, prepared)
    _evaluate(maker, prepared, train, "report")
    if publishes(number):
        _publish(maker, train, f"price-{number // PUBLISH_EVERY % PUBLISHED_NAMES}")
    return tuple(maker.steps)


def chain_name(chain: int, place: int) -> str:
    """Name of a run of a chain."""
    return f"chain-{chain}-{place}"


def chain_artifacts(chain: int) -> int:
    """Rows of a whole chain: its raw data, four outputs a run, what is joined by digest."""
    joined = CHAIN_RUNS - 1 if CHAIN_KINDS[chain % len(CHAIN_KINDS)].is_by_digest else 0
    return 1 + 4 * CHAIN_RUNS + joined


def chained(chain: int, place: int, start: datetime, before: tuple[Step, ...]) -> tuple[Step, ...]:
    """A run of a chain, which continues the run ``before``, if there is one."""
    maker = RunMaker(chain_name(chain, place), _CHAINS, start)
    kind = CHAIN_KINDS[chain % len(CHAIN_KINDS)]
    given = source("dataset", raw(f"chain-{chain}"))
    base = None
    if before and kind.output == "model":
        base = _continued(kind, "base_model", before[1], chain_name(chain, place))
    elif before:
        given = _continued(kind, "dataset", before[0], chain_name(chain, place))
    prepared = _prepare(maker, given)
    _evaluate(maker, prepared, _train(maker, prepared, base))
    return tuple(maker.steps)


def _continued(kind: ChainKind, name: str, producer: Step, reader: str) -> Input:
    if not kind.is_by_digest:
        return produced(name, producer, kind.output)
    content = artifact_of(producer, kind.output).digest
    return imported(name, stored(kind.output, content, f"gs://registry/{reader}/{kind.output}"))


def copies(start: datetime) -> tuple[Step, ...]:
    """A step that reads bytes and writes them again at another place, and a model of them."""
    maker = RunMaker("copies", _COPIES, start)
    given = source("dataset", stored("dataset", COPIED, "gs://raw-data/copied.parquet"))
    copy = maker.step("copy", [given], ["data"], {"data": COPIED})
    maker.step("train", [produced("data", copy, "data")], ["model"])
    return tuple(maker.steps)


def packing(start: datetime) -> tuple[Step, ...]:
    """A step packs bytes, another one unpacks them: what it wrote is what was packed."""
    maker = RunMaker("packing", _COPIES, start)
    given = source("dataset", stored("dataset", PLAIN, "gs://raw-data/plain.parquet"))
    pack = maker.step("pack", [given], ["data"], {"data": PACKED})
    unpack = maker.step("unpack", [produced("data", pack, "data")], ["data"], {"data": PLAIN})
    maker.step("train", [produced("data", unpack, "data")], ["model"])
    return tuple(maker.steps)


def _twin(number: int, start: datetime) -> tuple[Step, ...]:
    maker = RunMaker(f"twin-{number}", _COPIES, start)
    maker.step("generate", [], ["data"], {"data": TWIN})
    return tuple(maker.steps)


def twin_maker(number: int) -> partial[tuple[Step, ...]]:
    """Makes one of the runs that write equal bytes."""
    return partial(_twin, number)


def twin_reader(start: datetime) -> tuple[Step, ...]:
    """Reads the bytes that both twins wrote, at a third place."""
    maker = RunMaker("twin-reader", _COPIES, start)
    given = imported("data", stored("data", TWIN, "gs://team-b-imports/twin.parquet"))
    maker.step("train", [given], ["model"])
    return tuple(maker.steps)


def long(start: datetime) -> tuple[Step, ...]:
    """One run in which each step reads what the one before wrote."""
    maker = RunMaker("long", _CHAINS, start)
    given = source("data", stored("data", digest("long"), "gs://raw-data/long.parquet"))
    for number in range(LONG_STEPS):
        output = "data" if number < LONG_STEPS - 1 else "model"
        step = maker.step(f"stage-{number}", [given], [output])
        given = produced("data", step, output)
    return tuple(maker.steps)


def background(number: int, start: datetime, shared: int) -> tuple[Step, ...]:
    """The usual run: five steps and nine outputs over one of so many shared data sets."""
    pipeline = PIPELINES[number % len(PIPELINES)]
    maker = RunMaker(f"usual-{number}", pipeline, start)
    given = source("source", SHARED[number % shared])
    ingest = maker.step("ingest", [given], ["dataset", "profile"])
    prepared = _prepare(maker, produced("dataset", ingest, "dataset"), "transformer")
    if number % _RETRIED == 0:
        _train(maker, prepared, failure=StepFailure("MemoryError", "out of memory"))
    train = _train(maker, prepared)
    evaluate = _evaluate(maker, prepared, train, "report")
    if number % 2:
        _publish(maker, train, f"{pipeline.name}-{number % 3}")
    else:
        _sign(maker, ingest, train, evaluate)
    return tuple(maker.steps)


def last(outputs: int, start: datetime) -> tuple[Step, ...]:
    """A run of one step with a list of so many outputs."""
    maker = RunMaker("last", PIPELINES[0], start)
    maker.step("shard", [source("source", SHARED[0])], ["data"] * outputs)
    return tuple(maker.steps)


def _prepare(maker: RunMaker, given: Input, *more: str) -> Step:
    return maker.step("preprocess", [given], ["test_data", "training_data", *more])


def _train(
    maker: RunMaker,
    prepared: Step,
    base: Input | None = None,
    failure: StepFailure | None = None,
) -> Step:
    inputs = [produced("training_data", prepared, "training_data")]
    if base is not None:
        inputs.insert(0, base)
    return maker.step("train", inputs, [] if failure else ["model"], failure=failure)


def _evaluate(maker: RunMaker, prepared: Step, train: Step, *more: str) -> Step:
    inputs = [produced("model", train, "model"), produced("test_data", prepared, "test_data")]
    return maker.step("evaluate", inputs, ["metrics", *more])


def _sign(maker: RunMaker, ingest: Step, train: Step, evaluate: Step) -> Step:
    evidence = [
        produced("evidence_1", evaluate, "metrics"),
        produced("evidence_2", evaluate, "report"),
        produced("evidence_3", ingest, "dataset"),
        produced("model", train, "model"),
    ]
    return maker.step("sign", evidence, ["bundle"])


def _publish(maker: RunMaker, train: Step, name: str) -> Step:
    destination = f"gs://{maker.pipeline.namespace}-models"
    receipt = {
        "model": f"{destination}/sha256-{artifact_of(train, 'model').digest.hex}/model",
        "name": name,
        "pointer": f"{destination}/{name}.json",
    }
    given = produced("model", train, "model")
    return maker.step("publish", [given], ["receipt"], metadata=receipt)
