"""The fields of KServe's objects, read in its 0.21: which can name a model or code.

The words of the tables are those of :mod:`kfp_provenance.gate.pod_shapes`.
"""

from __future__ import annotations

from collections.abc import Mapping

from kfp_provenance.gate.pod_shapes import CONTAINER, POD, POD_SHAPES, Shape, fields

GROUP = "serving.kserve.io"
"""API group of every object that is read here."""

_MODEL: Shape = {
    **CONTAINER,
    "storageUri": "=uri",
    "storage": "Storage",
    "runtimeVersion": "=runtime version",
    "protocolVersion": "-protocol",
    "confidential": "-who may decrypt, not what",
}
_COMPONENT: Shape = {
    **POD,
    "storageUris": "[StorageUri]",
    "logger": "~where requests are written to",
    "annotations": "=annotations",
    "labels": "=annotations",
    **fields(
        "-scaling",
        "autoScaling batcher canaryTrafficPercent containerConcurrency deploymentStrategy "
        "maxReplicas minReplicas scaleMetric scaleMetricType scaleTarget timeout",
    ),
}
_FRAMEWORKS = "sklearn xgboost tensorflow pytorch triton onnx huggingface pmml lightgbm paddle"
_WORKER: Shape = {**POD, **fields("-parallelism", "pipelineParallelSize tensorParallelSize")}
_RUNTIME_POD: Shape = {
    **POD,
    "annotations": "=annotations",
    "labels": "=annotations",
}
_RUNTIME: Shape = {
    **_RUNTIME_POD,
    "workerSpec": "RuntimeWorker",
    "builtInAdapter": "Adapter",
    **fields("-network", "grpcDataEndpoint grpcEndpoint httpDataEndpoint"),
    **fields("-which models choose it", "disabled multiModel supportedModelFormats"),
    **fields("-protocol", "protocolVersions"),
    "replicas": "-scaling",
    "storageHelper": "StorageHelper",
}
_WORKLOAD: Shape = {
    "annotations": "=annotations",
    "labels": "=annotations",
    "template": "Pod",
    "worker": "Pod",
    "kvCacheOffloading": "Offloading",
    **fields("-scaling", "replicas rolloutStrategy scaling"),
    "parallelism": "-parallelism",
}

_OBJECT_SHAPES: Mapping[str, Shape] = {
    "InferenceService": {
        "predictor": "Predictor",
        "transformer": "Transformer",
        "explainer": "Explainer",
        "canary": "[Canary]",
        "tracing": "~where traces are written to",
    },
    "Canary": {"predictor": "Predictor", "trafficPercent": "-scaling"},
    "Predictor": {
        **_COMPONENT,
        "model": "Model",
        **fields("Framework", _FRAMEWORKS),
        "workerSpec": "Worker",
        "storageContainerName": "=storage container",
        "name": "-a name",
    },
    "Transformer": {**_COMPONENT, "name": "-a name", "storageContainerName": "=storage container"},
    "Explainer": {**_COMPONENT, "art": "Art", "name": "-a name"},
    "Framework": _MODEL,
    "Model": {
        **_MODEL,
        "modelFormat": "-format",
        "runtime": "-a ServingRuntime is judged itself",
    },
    "Art": {**_MODEL, "type": "-format", "config": "=variables"},
    "Storage": fields("=storage key", "key path parameters schemaPath"),
    "StorageUri": {"uri": "=uri", "mountPath": "-a model is verified wherever it is put"},
    "Worker": _WORKER,
    "RuntimeWorker": {**_RUNTIME_POD, **_WORKER},
    "ServingRuntime": _RUNTIME,
    "ClusterServingRuntime": _RUNTIME,
    "StorageHelper": {"disabled": "=switch off"},
    "Adapter": {
        "env": "[Variable]",
        "serverType": "-protocol",
        **fields("-network", "runtimeManagementPort"),
        **fields("-resources", "memBufferBytes modelLoadingTimeoutMillis"),
    },
    "TrainedModel": {
        "inferenceService": "-an InferenceService is judged itself",
        "model": "TrainedModelSpec",
    },
    "TrainedModelSpec": {"storageUri": "=uri", "framework": "-format", "memory": "-resources"},
    "LocalModelCache": {
        "sourceModelUri": "=uri",
        "storage": "Storage",
        "modelSize": "-resources",
        "nodeGroups": "-scheduling",
        "serviceAccountName": "-identity",
    },
    "LocalModelNode": {"localModels": "[LocalModel]"},
    "LocalModel": {
        "sourceModelUri": "=uri",
        "storage": "Storage",
        **fields("-a name", "modelName namespace nodeGroup"),
        "serviceAccountName": "-identity",
    },
    "LocalModelNodeGroup": {
        "persistentVolumeSpec": "PersistentVolume",
        "persistentVolumeClaimSpec": "Claim",
        "storageLimit": "-resources",
    },
    "ClusterStorageContainer": {
        "container": "Container",
        "supportedUriFormats": "~which URIs it downloads",
        **fields("-which objects choose it", "workloadType supportsMultiModelDownload"),
    },
    "InferenceGraph": {
        "nodes": "{GraphNode}",
        **fields("-scheduling", "affinity tolerations nodeName nodeSelector"),
        **fields("-scaling", "maxReplicas minReplicas scaleMetric scaleTarget"),
        **fields("-network", "routerTimeouts timeout"),
        "resources": "-resources",
        "serviceAccountName": "-identity",
    },
    "GraphNode": {"routerType": "-routing", "steps": "[GraphStep]"},
    "GraphStep": {
        "serviceUrl": "=service",
        "serviceName": "-an InferenceService is judged itself",
        **fields(
            "-routing", "name nodeName condition data dependency weight mapPredictionsToInstances"
        ),
    },
    "LLMInferenceService": {
        **_WORKLOAD,
        "model": "LLMModel",
        "prefill": "Workload",
        "router": "Router",
        "baseRefs": "-an LLMInferenceServiceConfig is judged itself",
        "storageInitializer": "StorageInitializer",
        "tracing": "~where traces are written to",
    },
    "Workload": _WORKLOAD,
    "LLMModel": {
        "uri": "=uri",
        "name": "-a name",
        "lora": "LoRA",
        "criticality": "-scheduling",
        "confidential": "-who may decrypt, not what",
    },
    "LoRA": {
        "adapters": "[LLMModel]",
        **fields("-resources", "maxAdapters maxCpuAdapters maxRank"),
    },
    "StorageInitializer": {"enabled": "=switch on"},
    "Offloading": {
        **fields("-resources", "cpu evictionPolicy"),
        "secondary": "[OffloadingTier]",
    },
    "OffloadingTier": {"fileSystem": "OffloadingFiles"},
    "OffloadingFiles": {"emptyDir": "-starts empty", "pvc": "=volume"},
    "Router": {
        **fields("-routing: services are judged themselves", "gateway ingress route"),
        "scheduler": "Scheduler",
    },
    "Scheduler": {
        "annotations": "=annotations",
        "labels": "=annotations",
        "config": "-routing",
        "pool": "-routing: services are judged themselves",
        "replicas": "-scaling",
        "template": "Pod",
        "tokenizer": "Tokenizer",
    },
    "Tokenizer": {"template": "Pod"},
}

SHAPES: Mapping[str, Shape] = {**POD_SHAPES, **_OBJECT_SHAPES}
"""Every shape by name; that of a kind's ``spec`` has the name of :data:`KINDS`."""

_LLM = ("LLMInferenceService", frozenset({"v1alpha1", "v1alpha2"}))
_ALPHA = frozenset({"v1alpha1"})
KINDS: Mapping[str, tuple[str, frozenset[str]]] = {
    "InferenceService": ("InferenceService", frozenset({"v1beta1"})),
    "LLMInferenceService": _LLM,
    "LLMInferenceServiceConfig": _LLM,
    "LocalModelNamespaceCache": ("LocalModelCache", _ALPHA),
    **{
        kind: (kind, _ALPHA)
        for kind in (
            "TrainedModel",
            "ServingRuntime",
            "ClusterServingRuntime",
            "ClusterStorageContainer",
            "InferenceGraph",
            "LocalModelCache",
            "LocalModelNode",
            "LocalModelNodeGroup",
        )
    },
}
"""Kind -> shape of its ``spec``, and the versions that were read."""

ANNOTATIONS: frozenset[str] = frozenset(
    f"{GROUP}/{name}"
    for name in [
        "autoscalerClass",
        "auth-proxy-type",
        "component",
        "deploymentMode",
        "disable-auto-update",
        "enable-metric-aggregation",
        "enable-prometheus-scraping",
        "enable-served-by-header",
        "enable-tag-routing",
        "gke-accelerator",
        "gpu-resource-types",
        "inferencegraph",
        "inferencepool-migrated",
        "inferenceservice",
        "kind",
        "logger-secret-file",
        "logger-secret-name",
        "logger-secret-path",
        "metrics",
        "model-based-routing-enabled",
        "exp-dra-cel-selector",
        "exp-dra-container-name",
        "exp-dra-device-class",
        "exp-dra-device-count",
        "nodegroup",
        "routing-group",
        "server-type",
        "stop",
        "target-utilization-percentage",
        "targetUtilizationPercentage",
        "trainedmodel",
        "trainedmodel-allocated",
        "disable-localmodel",
    ]
) | {
    f"{GROUP}/storage-initializer-uid",
    "kserve.io/component",
    "networking.kserve.io/visibility",
    "prometheus.kserve.io/path",
    "prometheus.kserve.io/port",
    "storage.kserve.io/readonly",
}
"""Annotations and labels in KServe's domains that name nothing that is served."""
