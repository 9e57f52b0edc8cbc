"""What an environment allows beside models."""

from __future__ import annotations

import pytest

from kfp_provenance.codes import Code
from kfp_provenance.gate.place_rules import PlaceRules, findings_of_places
from kfp_provenance.gate.places import ModelPlace, PlaceKind

DIGEST = "@sha256:" + "a" * 64
RULES = PlaceRules(
    images=("registry.example/serving/", "registry.example/one@"),
    volumes=frozenset({"configMap"}),
    storage_containers=frozenset({"kprov"}),
    services=("http://churn.shop.svc/",),
)


def judged(kind: PlaceKind, value: str, rules: PlaceRules = RULES) -> list[Code]:
    place = ModelPlace("/spec/x", kind, value)
    return [finding.code for finding in findings_of_places([place], rules)]


@pytest.mark.parametrize("kind", sorted(set(PlaceKind) - {PlaceKind.URI}))
def test_without_rules_everything_but_models_is_refused(kind: PlaceKind) -> None:
    unknown = kind is PlaceKind.UNKNOWN
    expected = Code.MODEL_PLACE_UNKNOWN if unknown else Code.MODEL_PLACE_DENIED
    assert judged(kind, "anything", PlaceRules()) == [expected]


@pytest.mark.parametrize(
    ("kind", "value"),
    [
        (PlaceKind.IMAGE, "registry.example/serving/sklearn" + DIGEST),
        (PlaceKind.IMAGE, "registry.example/one" + DIGEST),
        (PlaceKind.VOLUME, "configMap"),
        (PlaceKind.STORAGE_CONTAINER, "kprov"),
        (PlaceKind.SERVICE, "http://churn.shop.svc/v1"),
        (PlaceKind.URI, "gs://judged/by/evidence"),
    ],
)
def test_what_is_allowed_passes(kind: PlaceKind, value: str) -> None:
    assert judged(kind, value) == []


@pytest.mark.parametrize(
    ("kind", "value"),
    [
        (PlaceKind.IMAGE, "registry.example/serving/sklearn:1"),
        (PlaceKind.IMAGE, "registry.example/serving-evil/x" + DIGEST),
        (PlaceKind.IMAGE, "registry.example/serving/../evil/x" + DIGEST),
        (PlaceKind.IMAGE, "registry.example/one/x" + DIGEST),
        (PlaceKind.IMAGE, "registry.example/serving/x@sha256:short"),
        (PlaceKind.VOLUME, "hostPath"),
        (PlaceKind.REFERENCE, "secretKeyRef"),
        (PlaceKind.SERVICE, "http://churn.shop.svc.evil/"),
        (PlaceKind.SERVICE, "http://churn.shop.svc/..%2fx"),
        (PlaceKind.SERVICE, "http://churn.shop.svc:x@evil/"),
    ],
)
def test_what_only_looks_allowed_is_refused(kind: PlaceKind, value: str) -> None:
    assert judged(kind, value) == [Code.MODEL_PLACE_DENIED]


def test_prefix_that_ends_inside_a_name_is_no_rule() -> None:
    with pytest.raises(ValueError, match="prefix"):
        PlaceRules(images=("registry.example/serv",))
