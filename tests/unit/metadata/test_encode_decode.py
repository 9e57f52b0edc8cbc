"""The pure part: facts to properties and paths and back, without MLMD."""

from __future__ import annotations

import json
from collections import defaultdict

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kfp_provenance.codes import Code
from kfp_provenance.errors import StoreError
from kfp_provenance.facts import Artifact, Environment, Step
from kfp_provenance.metadata import encode
from kfp_provenance.metadata.decode import Edge, artifact_from, environment_from, step_from
from kfp_provenance.metadata.schema import (
    ARTIFACT_PROPERTIES,
    CONTEXT_PROPERTIES,
    ENVIRONMENT_TYPE,
    STEP_PROPERTIES,
    index_name,
)
from support.steps import ENVIRONMENT, any_step, artifact, chain, step, texts


def edges_of(step: Step) -> list[Edge]:
    paths: dict[tuple[Artifact, bool], list[str]] = defaultdict(list)
    for item in step.inputs:
        paths[item.artifact, False].append(encode.input_path(item))
    for output in step.outputs:
        paths[output.artifact, True].append(encode.output_path(output))
    # MLMD does not promise the order of a path's steps
    return [Edge(a, out, tuple(reversed(path))) for (a, out), path in paths.items()]


@given(any_step())
def test_any_step(one: Step) -> None:
    assert step_from(encode.step_properties(one), edges_of(one), "here") == one


@given(any_step())
def test_only_declared_properties(one: Step) -> None:
    assert encode.step_properties(one).keys() <= set(STEP_PROPERTIES)
    for output in one.outputs:
        properties = encode.artifact_properties(output.artifact)
        assert tuple(properties) == ARTIFACT_PROPERTIES
        assert artifact_from(output.artifact.uri, properties, "here") == output.artifact
    names = tuple(encode.environment_properties(ENVIRONMENT))
    assert names == CONTEXT_PROPERTIES[ENVIRONMENT_TYPE]


@given(st.lists(texts).map(tuple), texts)
def test_any_environment(packages: tuple[str, ...], python: str) -> None:
    environment = Environment(ENVIRONMENT.digest, python, packages)
    properties = encode.environment_properties(environment)
    assert environment_from(properties, "here") == environment


@given(
    st.sampled_from([*STEP_PROPERTIES, "path"]),
    st.one_of(
        st.none(),
        st.text(),
        st.recursive(
            st.none() | st.booleans() | st.integers() | st.text(),
            lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
        ).map(json.dumps),
        st.just("[" * 60_000),
        st.just("9" * 10_000),
    ),
)
def test_whatever_a_row_holds_the_error_is_ours(name: str, value: str | None) -> None:
    one = chain("run-1", 2)[1]
    properties, edges = encode.step_properties(one), edges_of(one)
    if name == "path":
        edges.append(Edge(artifact("a"), is_output=True, path=(value or "",)))
    elif value is None:
        properties.pop(name, None)
    else:
        properties[name] = value
    found = None
    try:
        step_from(properties, edges, "here")
    except StoreError as error:
        found = error
    assert found is None or found.code in (Code.STORE_CORRUPT, Code.STORE_UNSUPPORTED)
    assert len(str(found)) < 1000


def test_two_events_for_one_place() -> None:
    one = chain("run-1", 2)[1]
    edges = edges_of(one)
    for edge in edges:
        with pytest.raises(StoreError) as raised:
            step_from(encode.step_properties(one), [*edges, edge], "here")
        assert raised.value.code is Code.STORE_CORRUPT


def test_inputs_come_back_in_order_however_they_were_given() -> None:
    one = chain("run-1", 2)[1]
    turned = Step(**{**vars(one), "inputs": tuple(reversed(one.inputs))})
    assert encode.canonical(turned) == one


def test_a_source_is_identified_by_all_its_facts() -> None:
    plain = artifact("a")
    others = [
        artifact("a", uri="/data/A"),
        artifact("a", size=1),
        artifact("a", type="system.Model"),
        artifact("a", version="1"),
        artifact("a", metadata="{}"),
        artifact("b", uri="/data/a"),
    ]
    ids = {encode.source_id(item) for item in (plain, *others)}
    assert len(ids) == 1 + len(others)
    assert encode.source_id(artifact("a")) in ids


def test_ids_of_outputs_cannot_be_made_to_collide() -> None:
    assert encode.output_id("s", "a", 11) != encode.output_id("s", "a1", 1)
    assert encode.output_id("s/out", "a", 0) != encode.output_id("s", "out/a", 0)
    assert len(encode.output_id("x" * 10_000, "y" * 10_000, 3)) < 100


@given(st.text(st.characters(exclude_categories=("Cs",))), st.text(st.characters(codec="ascii")))
def test_index_names_are_exact_where_comparison_is_not(one: str, other: str) -> None:
    for a, b in ((one, other), (other, other.swapcase()), (other, other + " "), (one, one + "~")):
        if a != b:
            assert index_name(a).casefold().rstrip() != index_name(b).casefold().rstrip()
        assert 0 < len(index_name(a)) <= 200


def test_index_names_are_readable_where_they_can_be() -> None:
    for text in ("2f9c1a7e-0b1d-4d9f-9f7c-3a52c1f1d001", "churn-2026-03-01-12-00-00-123456",
                 "run-1/for-loop-1-iteration-0/train/1", "sha256:" + "0" * 64):  # fmt: skip
        assert index_name(text) == text


def test_a_failure_of_the_value_does_not_show_it() -> None:
    with pytest.raises(StoreError) as raised:
        encode.step_properties(step(namespace="s3cret\0"))
    assert "s3cret" not in str(raised.value)
    assert "namespace" in raised.value.where
