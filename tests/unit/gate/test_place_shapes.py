"""The tables of fields against the types that Kubernetes publishes for Python."""

from __future__ import annotations

import kubernetes.client
import pytest

from kfp_provenance.gate.place_shapes import SHAPES

CORE = {
    "Pod": "V1PodSpec", "Container": "V1Container", "Volume": "V1Volume", "Probe": "V1Probe",
    "Variable": "V1EnvVar", "VariableFrom": "V1EnvVarSource", "VariableSource": "V1EnvFromSource",
    "Lifecycle": "V1Lifecycle", "Handler": "V1LifecycleHandler", "Mount": "V1VolumeMount",
    "Projected": "V1ProjectedVolumeSource", "ProjectedSource": "V1VolumeProjection",
    "PersistentVolume": "V1PersistentVolumeSpec",
    "Claim": "V1PersistentVolumeClaimSpec",
}  # fmt: skip


@pytest.mark.parametrize("shape", sorted(CORE))
def test_every_field_of_kubernetes_is_reviewed(shape: str) -> None:
    published = set(getattr(kubernetes.client, CORE[shape]).attribute_map.values())
    assert published - set(SHAPES[shape]) == set()
