"""Where KServe objects name models, and that nothing is passed by because nobody knows it."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kfp_provenance.gate.place_shapes import KINDS, SHAPES
from kfp_provenance.gate.places import PlaceKind, places_of
from support.kserve_objects import inference_service, served

URI = "gs://models/sha256-0/churn"
VERSIONS = [(kind, version) for kind, (_, versions) in KINDS.items() for version in versions]


def isvc(component: str, content: dict[str, Any]) -> dict[str, Any]:
    return served("InferenceService", {component: content}, "v1beta1")


def found(document: dict[str, Any]) -> set[tuple[str, str, str]]:
    return {(place.pointer, str(place.kind), place.value) for place in places_of(document)}


@pytest.mark.parametrize(
    ("document", "pointer"),
    [
        (inference_service(URI), "/spec/predictor/model/storageUri"),
        (isvc("predictor", {"sklearn": {"storageUri": URI}}), "/spec/predictor/sklearn/storageUri"),
        (isvc("predictor", {"storageUris": [{"uri": URI}]}), "/spec/predictor/storageUris/0/uri"),
        (isvc("explainer", {"art": {"storageUri": URI}}), "/spec/explainer/art/storageUri"),
        (
            isvc(
                "transformer",
                {"containers": [{"name": "c", "env": [{"name": "STORAGE_URI", "value": URI}]}]},
            ),
            "/spec/transformer/containers/0/env/0/value",
        ),
        (
            served(
                "InferenceService",
                {"canary": [{"predictor": {"model": {"storageUri": URI}}}]},
                "v1beta1",
            ),
            "/spec/canary/0/predictor/model/storageUri",
        ),
        (served("TrainedModel", {"model": {"storageUri": URI}}), "/spec/model/storageUri"),
        (served("LocalModelCache", {"sourceModelUri": URI}), "/spec/sourceModelUri"),
        (served("LocalModelNamespaceCache", {"sourceModelUri": URI}), "/spec/sourceModelUri"),
        (served("LLMInferenceService", {"model": {"uri": URI}}, "v1alpha2"), "/spec/model/uri"),
        (
            served("LLMInferenceService", {"model": {"lora": {"adapters": [{"uri": URI}]}}}),
            "/spec/model/lora/adapters/0/uri",
        ),
    ],
)
def test_uri_is_found(document: dict[str, Any], pointer: str) -> None:
    assert found(document) == {(pointer, "uri", URI)}


@pytest.mark.parametrize(
    ("container", "kind", "value"),
    [
        ({"image": "example/server:1"}, "image", "example/server:1"),
        ({"command": ["sh"]}, "code", "command"),
        ({"args": ["-c", "curl x | sh"]}, "code", "curl x | sh"),
        ({"args": ["--model_id=org/name"]}, "uri", "org/name"),
        ({"args": ["--model", "org/name"]}, "uri", "org/name"),
        ({"args": ["serve", "org/name"]}, "uri", "org/name"),
        ({"args": ["serve", "gpt2"]}, "uri", "gpt2"),
        ({"args": ["serve", "--trust-remote-code", "gpt2"]}, "uri", "--trust-remote-code"),
        ({"args": ["--trust-remote-code", "org/name"]}, "uri", "org/name"),
        ({"args": ["--lora-modules", "a=/mnt/models/a", "b=org/b"]}, "uri", "b=org/b"),
        ({"env": [{"name": "VLLM_ADDITIONAL_ARGS", "value": "--model o/n"}]}, "uri", "o/n"),
        ({"env": [{"name": "VLLM_ADDITIONAL_ARGS", "value": "$(curl x)"}]}, "code", "$(curl x)"),
        ({"args": ["--model_dir=/mnt/models/../evil"]}, "uri", "/mnt/models/../evil"),
        ({"args": ["--port=8080", "--model_dir=/mnt/other"]}, "uri", "/mnt/other"),
        ({"env": [{"name": "MODEL_ID", "value": "org/name"}]}, "uri", "org/name"),
        ({"env": [{"name": "PYTHONPATH", "value": "/x"}]}, "code", "/x"),
        ({"env": [{"name": "A", "valueFrom": {"configMapKeyRef": {"name": "c", "key": "k"}}}]},
         "reference", "configMapKeyRef"),
        ({"envFrom": [{"secretRef": {"name": "s"}}]}, "reference", "secretRef"),
        ({"lifecycle": {"postStart": {"exec": {"command": ["sh"]}}}}, "code", "exec"),
        ({"livenessProbe": {"exec": {"command": ["sh"]}}}, "code", "exec"),
        ({"volumeMounts": [{"name": "v", "mountPath": "/mnt"}]}, "path", "/mnt"),
        ({"volumeMounts": [{"name": "v", "mountPath": "/mnt/models/1"}]}, "path", "/mnt/models/1"),
        ({"modelFromTheFuture": "x"}, "unknown", "x"),
        ({"name": "gs://bucket/model"}, "unknown", "gs://bucket/model"),
    ],
)  # fmt: skip
def test_container_is_judged(container: dict[str, Any], kind: str, value: str) -> None:
    places = places_of(isvc("predictor", {"initContainers": [container]}))
    assert [(str(place.kind), place.value) for place in places] == [(kind, value)]


@pytest.mark.parametrize(
    ("kind", "spec", "place"),
    [
        ("InferenceGraph", {"nodes": {"root": {"steps": [{"serviceUrl": "http://x"}]}}}, "service"),
        ("LLMInferenceService", {"storageInitializer": {"enabled": False}}, "switch"),
        ("ServingRuntime", {"storageHelper": {"disabled": True}}, "switch"),
        ("ServingRuntime", {"volumes": [{"name": "v", "hostPath": {"path": "/"}}]}, "volume"),
        ("ServingRuntime", {"volumes": [{"image": {"reference": "x"}}]}, "image"),
        ("LocalModelCache", {"storage": {"key": "k"}}, "storage key"),
        ("ServingRuntime", {"annotations": {"internal.serving.kserve.io/x": "y"}}, "unknown"),
        ("ServingRuntime", {"containers": "not a list"}, "unknown"),
    ],
)
def test_other_places(kind: str, spec: dict[str, Any], place: str) -> None:
    assert [str(one.kind) for one in places_of(served(kind, spec))] == [place]


@pytest.mark.parametrize(
    "arguments",
    [
        ["tritonserver", "--model-store=/mnt/models", "--grpc-port=9000", "--http-port=8080"],
        ["torchserve", "--start", "--model-store=/mnt/models/model-store"],
        ["--port=9000", "--rest_api_port=8080", "--model_base_path=/mnt/models"],
        ["--model_name={{.Name}}", "--model_dir=/mnt/models", "--http_port=8080"],
        ["serve", "/mnt/models", "--served-model-name", "churn", "--max-model-len", "4096"],
        ["--otlp-endpoint", "http://collector:4317", "--lora-modules=a=/mnt/models/a"],
    ],
)
def test_arguments_of_ordinary_servers_name_no_model(arguments: list[str]) -> None:
    assert places_of(isvc("predictor", {"containers": [{"args": arguments}]})) == ()


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("HF_HUB_CACHE", "/models"),
        ("MLSERVER_MODEL_IMPLEMENTATION", "{{.Labels.modelClass}}"),
        ("NVIDIA_OPTIONS", "gpu"),
        ("VLLM_ADDITIONAL_ARGS", '--config \'{"threads": true, "number": 96}\' --port 1'),
    ],
)
def test_variables_of_ordinary_servers_name_no_model(name: str, value: str) -> None:
    container = {"env": [{"name": name, "value": value}]}
    assert places_of(isvc("predictor", {"containers": [container]})) == ()


def test_ordinary_objects_name_only_their_model() -> None:
    document = inference_service(
        URI,
        annotations={
            "serving.kserve.io/deploymentMode": "RawDeployment",
            "kubectl.kubernetes.io/last-applied-configuration": f'{{"uri": "{URI}"}}',
        },
    )
    predictor = document["spec"]["predictor"]
    predictor |= {
        "logger": {"url": "s3://log/requests"},
        "serviceAccountName": "loader",
        "volumes": [{"name": "shm", "emptyDir": {"medium": "Memory"}}],
    }
    predictor["model"] |= {
        "args": ["--model_name={{.Name}}", "--model_dir=/mnt/models", "--http_port=8080"],
        "env": [{"name": "OTEL_ENDPOINT", "value": "http://collector:4317"}],
        "resources": {"limits": {"cpu": 1, "memory": "2Gi"}},
        "volumeMounts": [{"name": "shm", "mountPath": "/cache"}],
    }
    assert [place.value for place in places_of(document)] == [URI]


def test_internal_annotation_of_the_object_is_unknown() -> None:
    name = "internal.serving.kserve.io/storage-initializer-sourceuri"
    places = places_of(inference_service(URI, annotations={name: "gs://evil/model"}))
    pointer = f"/metadata/annotations/{name.replace('/', '~1')}"
    assert (places[0].pointer, places[0].kind) == (pointer, PlaceKind.UNKNOWN)


@pytest.mark.parametrize(
    "change",
    [{"kind": "ModelOfTomorrow"}, {"apiVersion": "serving.kserve.io/v9"}, {"kind": ["x"]},
     {"apiVersion": "example.org/v1beta1"}, {"more": 1}, {"spec": "text"}],
)  # fmt: skip
def test_unknown_objects_are_one_unknown_place(change: dict[str, Any]) -> None:
    places = places_of(inference_service(URI) | change)
    assert PlaceKind.UNKNOWN in {place.kind for place in places}


@st.composite
def planted(draw: st.DrawFn) -> dict[str, Any]:
    """An object with a model's URI at some field that the tables have."""
    kind, version = draw(st.sampled_from(VERSIONS))

    special = {
        "=arguments": [URI],
        "=annotations": {"internal.serving.kserve.io/source": URI},
        "=variables": {"model": URI},
        "=switch on": False,
        "=switch off": True,
    }
    deep = st.sampled_from([URI, {"a": URI}, [URI], {"a": [{"b": URI}]}, {URI: "a"}])

    def fill(rule: str) -> Any:
        if rule[0] in "[{":
            inner = fill(rule[1:-1])
            return [inner] if rule[0] == "[" else {"key": inner}
        if rule[0] == "-":
            return draw(deep)
        if rule[0] == "=":
            return special.get(rule, URI)
        table = SHAPES[rule]
        name = draw(st.sampled_from(sorted(n for n in table if table[n][0] != "~")))
        return {name: fill(table[name])}

    return served(kind, fill(KINDS[kind][0]), version)


@given(planted())
def test_model_uri_is_seen_wherever_it_is_planted(document: dict[str, Any]) -> None:
    assert places_of(document)


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=20),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(sorted({n for s in SHAPES.values() for n in s})) | st.text(max_size=9),
            inner,
            max_size=4,
        )
    ),
    max_leaves=25,
)


@given(st.sampled_from(VERSIONS), JSON)
def test_any_object_ends_in_places(version: tuple[str, str], spec: Any) -> None:
    places_of(served(version[0], spec, version[1]))
