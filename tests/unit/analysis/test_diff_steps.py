"""What of two steps is a difference, and what only looks like one."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from kfp_provenance.analysis.diffing.align import StepPair
from kfp_provenance.analysis.diffing.history import Given
from kfp_provenance.analysis.diffing.metrics import compare_metrics
from kfp_provenance.analysis.diffing.model import CauseKind
from kfp_provenance.analysis.diffing.pairing import InputPair
from kfp_provenance.analysis.diffing.parameters import compare_parameters, compare_results
from kfp_provenance.analysis.diffing.steps import Compared, compare_steps
from kfp_provenance.facts import (
    ArtifactKind,
    CodeState,
    Digest,
    Environment,
    Input,
    InputOrigin,
    Outcome,
    Output,
    Parameter,
    Step,
    StepFailure,
)
from support.steps import ENVIRONMENT, artifact, digest, step

OTHER = Environment(
    digest("other"), "CPython 3.12.1 linux-x86_64",
    ("kfp==2.14.0", "scikit_learn==1.6.0", "zlib==1"),
)  # fmt: skip
KNOWN = {ENVIRONMENT.digest: ENVIRONMENT, OTHER.digest: OTHER}


def compared(before: Step, after: Step, *pairs: InputPair) -> Compared:
    return compare_steps(StepPair(before, after, pairs), KNOWN.get)


def kinds(before: Step, after: Step) -> list[tuple[str, str, str, str]]:
    return [(d.kind.name, d.name, d.before, d.after) for d in compared(before, after).differences]


def with_parameters(
    run: str = "run-number-1", inputs: tuple[Input, ...] = (), **values: str
) -> Step:
    items = tuple(Parameter(name, value) for name, value in sorted(values.items()))
    return step(run, parameters=items, inputs=inputs)


def changes(before: Step, after: Step) -> list[tuple[str, str, str]]:
    return [(c.name, c.before, c.after) for c in compare_parameters(before, after).changes]


def test_equal_steps_do_not_differ() -> None:
    assert kinds(step("one"), step("two")) == []


def test_everything_that_can_differ() -> None:
    before = step(code=CodeState("a" * 40, dirty=False, repository="https://git.example/x"))
    component = replace(
        before.component, version="2", source_digest=digest("new source"), image="img@sha256:2"
    )
    after = replace(
        before, component=component, environment=OTHER.digest, outcome=Outcome.FAILED,
        failure=StepFailure("ValueError", "no"), code=CodeState("b" * 40, dirty=True),
        parameters=(Parameter("alpha", "0.2"), *before.parameters[1:]),
    )  # fmt: skip
    found = kinds(before, after)
    assert [kind for kind, *_ in found] == [
        "SOURCE", "VERSION", "PARAMETER", "IMAGE", "PYTHON", "PACKAGE", "ML_PACKAGE", "COMMIT",
        "OUTCOME",
    ]  # fmt: skip
    by_kind = {kind: rest for kind, *rest in found}
    assert by_kind["PARAMETER"] == ["alpha", "0.1", "0.2"]
    assert by_kind["ML_PACKAGE"] == ["scikit-learn", "", "1.6.0"]
    assert by_kind["PACKAGE"] == ["kfp", "2.13.0", "2.14.0"]
    assert by_kind["OUTCOME"][2] == "FAILED: ValueError: no"
    assert by_kind["COMMIT"][2] == f"{'b' * 40} with uncommitted changes"


def test_another_component_is_not_compared_by_its_source() -> None:
    before = step()
    after = replace(
        before, component=replace(before.component, name="other.f", source_digest=digest("x"))
    )
    assert [kind for kind, *_ in kinds(before, after)] == ["COMPONENT"]


def test_an_environment_that_is_not_in_the_store_is_said() -> None:
    before = step()
    after = replace(before, environment=Digest("1" * 64))
    ((kind, _, _, value),) = kinds(before, after)
    assert (kind, value) == ("ENVIRONMENT", f"sha256:{'1' * 64}")


def test_lists_in_another_order() -> None:
    one, other = (Given(artifact("a"), None, "models", index) for index in (0, 1))
    (difference,) = compared(step(), step(), InputPair(one, other)).differences
    assert (difference.kind, difference.name) == (CauseKind.ORDER, "models")


def test_entries_of_a_parameter_are_named_one_by_one() -> None:
    before = with_parameters(hyper='{"C": 1, "solver": {"tol": 1e-3, "n": 5}}', same="[1, 2]")
    after = with_parameters(hyper='{"C": 0.1, "solver": {"n": 5}, "l1": true}', same="[1.0, 2]")
    assert changes(before, after) == [
        ("hyper.C", "1", "0.1"), ("hyper.l1", "", "true"), ("hyper.solver.tol", "0.001", ""),
    ]  # fmt: skip


def test_numbers_are_equal_in_any_spelling_but_not_to_truth_values() -> None:
    assert changes(with_parameters(a="1"), with_parameters(a="1.0")) == []
    assert changes(with_parameters(a="1"), with_parameters(a="true")) == [("a", "1", "true")]
    assert changes(with_parameters(a="NaN"), with_parameters(a="NaN")) == []
    assert changes(with_parameters(a='""'), with_parameters()) == [("a", '""', "")]


def test_a_value_that_names_the_run_or_an_input_is_no_difference() -> None:
    def given(name: str) -> tuple[Input, ...]:
        return (Input("source", 0, artifact(name), InputOrigin.SOURCE),)

    before = with_parameters(
        "run-number-1",
        given("old"),
        uri='"file:///data/old"',
        at='"out/run-number-1/x"',
        digest='""',
    )
    after = with_parameters(
        "run-number-2", given("new"), uri='"/data/new"', at='"out/run-number-2/x"',
        digest=f'"{digest("new")}"',
    )  # fmt: skip
    assert changes(before, after) == []
    elsewhere = with_parameters(
        "run-number-2", given("new"), uri='"/data/x"', at='"y"', digest='""'
    )
    assert [name for name, *_ in changes(before, elsewhere)] == ["at", "uri"]


def test_secrets_are_compared_by_their_keyed_digests() -> None:
    def secret(keyed: str) -> Step:
        return step(parameters=(Parameter("token", keyed_digest=keyed),))

    one = secret("hmac-sha256:key-1:aa")
    assert compare_parameters(one, one).changes == ()
    (change,) = compare_parameters(one, secret("hmac-sha256:key-1:bb")).changes
    assert (change.before, change.after) == ("(secret aa)", "(secret bb)")
    unknown = compared(one, secret("hmac-sha256:key-2:aa"))
    assert unknown.differences == ()
    assert "token" in unknown.notes[0]
    plain = step(parameters=(Parameter("token", '"x"'),))
    assert compare_parameters(one, plain).unknown == ("token",)


def test_seeds_are_told_from_other_parameters() -> None:
    before = with_parameters(seed="1", hyper='{"random_state": 1}')
    after = with_parameters(seed="2", hyper='{"random_state": 2}')
    assert all(change.seed for change in compare_parameters(before, after).changes)


def test_long_values_are_shortened() -> None:
    before, after = with_parameters(a='"x"'), with_parameters(a=f'"{"y" * 5000}"')
    ((_, _, value),) = changes(before, after)
    assert len(value) < 400
    assert value.endswith("(4700 more)")


def test_results_differ_by_name() -> None:
    before = step(results=(Parameter("best", '"ridge"'), Parameter("gone", "1")))
    after = step(results=(Parameter("best", '"lasso"'),))
    (change,) = compare_results(before, after)
    assert (change.name, change.before, change.after) == ("best", "ridge", "lasso")


def evaluate(task: str, metadata: str, **changes: Any) -> Step:
    made = artifact("m", kind=ArtifactKind.VALUES, metadata=metadata)
    return step(task=task, outputs=(Output("metrics", 0, made),), **changes)


def test_metrics_are_numbers_by_task_and_name() -> None:
    before = evaluate("evaluate", '{"accuracy": 0.9, "note": "x", "auc": "0.8", "deep": {"a": 1}}')
    after = evaluate(
        "evaluate", '{"accuracy": 0.6, "auc": "0.8", "new": 1}',
        results=(Parameter("rows", "7"), Parameter("secret", keyed_digest="hmac-sha256:k:0")),
    )  # fmt: skip
    found = {m.name: (m.before, m.after) for m in compare_metrics([before], [after])}
    assert found == {
        "metrics.accuracy": (0.9, 0.6), "metrics.auc": (0.8, 0.8), "metrics.new": (None, 1.0),
        "rows": (None, 7.0),
    }  # fmt: skip
    (first, *_) = compare_metrics([before], [after])
    assert first.difference is not None
    assert round(first.difference, 6) == -0.3


def test_metrics_of_iterations_stand_opposite_if_each_is_alone() -> None:
    before = evaluate("for-loop-1-iteration-0/evaluate", '{"accuracy": 0.9}')
    after = evaluate("for-loop-1-iteration-2/evaluate", '{"accuracy": 0.8}')
    (one,) = compare_metrics([before], [after])
    assert (one.before, one.after) == (0.9, 0.8)
    other = evaluate("for-loop-1-iteration-3/evaluate", '{"accuracy": 0.7}')
    assert len(compare_metrics([before], [after, other])) == 3


def test_of_several_attempts_the_last_reported() -> None:
    first = evaluate("evaluate", '{"accuracy": 0.1}', id="a")
    second = evaluate("evaluate", '{"accuracy": 0.2}', id="b")
    (metric,) = compare_metrics([second, first], [second])
    assert metric.before == 0.2
