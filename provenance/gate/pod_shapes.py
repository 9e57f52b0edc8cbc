"""The fields of a Kubernetes pod: which can bring a model or code, and why the others cannot.

Read by :mod:`kfp_provenance.gate.places`. A shape is a table of every field that is known; a
field that no table has makes an object undecidable, so a newer Kubernetes or KServe is refused
until somebody has read what its new field does. The words of a table:

- ``=KIND`` is judged as that kind of place;
- ``Name`` is another shape, ``[Name]`` a list of it, ``{Name}`` a map of it;
- ``-REASON`` names nothing that is served. A model's URI found there is reported all the same;
- ``~REASON`` likewise, and a URI there is what the field is for.
"""

from __future__ import annotations

from collections.abc import Mapping

Shape = Mapping[str, str]


def fields(rule: str, names: str) -> dict[str, str]:
    """The same rule for several fields, their names separated by blanks."""
    return dict.fromkeys(names.split(), rule)


CONTAINER: Shape = {
    "image": "=image",
    "args": "=arguments",
    "command": "=code",
    "env": "[Variable]",
    "envFrom": "[VariableSource]",
    "lifecycle": "Lifecycle",
    "volumeDevices": "=volume",
    "volumeMounts": "[Mount]",
    "workingDir": "-its bytes come from the image, a volume or a model",
    **fields("Probe", "livenessProbe readinessProbe startupProbe"),
    **fields("-resources", "resources resizePolicy"),
    **fields("-rights", "securityContext"),
    **fields("-network", "ports"),
    **fields("-terminal", "stdin stdinOnce tty"),
    **fields("-life cycle", "restartPolicy restartPolicyRules"),
    **fields("-reports", "terminationMessagePath terminationMessagePolicy"),
    **fields("-a name", "name targetContainerName"),
    "imagePullPolicy": "-an image is judged by its digest, whenever it is pulled",
}

POD: Shape = {
    **fields("[Container]", "containers initContainers ephemeralContainers"),
    "volumes": "[Volume]",
    **fields(
        "-scheduling",
        "affinity tolerations nodeSelector nodeName topologySpreadConstraints priority "
        "priorityClassName preemptionPolicy schedulerName schedulingGates runtimeClassName "
        "overhead os workloadRef schedulingGroup",
    ),
    **fields(
        "-network",
        "dnsConfig dnsPolicy hostAliases hostNetwork hostname hostnameOverride "
        "setHostnameAsFQDN subdomain enableServiceLinks",
    ),
    **fields("-rights", "securityContext hostIPC hostPID hostUsers shareProcessNamespace"),
    **fields("-identity", "serviceAccount serviceAccountName automountServiceAccountToken"),
    **fields(
        "-life cycle",
        "activeDeadlineSeconds terminationGracePeriodSeconds restartPolicy readinessGates",
    ),
    **fields("-resources", "resources resourceClaims"),
    "imagePullSecrets": "-credentials for images that are judged themselves",
}

_VOLUMES_OF_BYTES = (
    "awsElasticBlockStore azureDisk azureFile cephfs cinder configMap csi ephemeral fc flexVolume "
    "flocker gcePersistentDisk gitRepo glusterfs hostPath iscsi local nfs persistentVolumeClaim "
    "photonPersistentDisk portworxVolume quobyte rbd scaleIO secret storageos vsphereVolume"
)

POD_SHAPES: Mapping[str, Shape] = {
    "Pod": POD,
    "Container": CONTAINER,
    "Variable": {"name": "-a name", "value": "=variable", "valueFrom": "VariableFrom"},
    "VariableFrom": {
        **fields("=reference", "configMapKeyRef fileKeyRef secretKeyRef"),
        **fields("-facts of the pod itself", "fieldRef resourceFieldRef"),
    },
    "VariableSource": {
        **fields("=reference", "configMapRef secretRef"),
        "prefix": "-a name",
    },
    "Lifecycle": {
        **fields("Handler", "postStart preStop"),
        "stopSignal": "-life cycle",
    },
    "Handler": {"exec": "=code", **fields("-life cycle", "httpGet tcpSocket sleep")},
    "Probe": {
        "exec": "=code",
        **fields(
            "-health",
            "httpGet tcpSocket grpc failureThreshold initialDelaySeconds periodSeconds "
            "successThreshold terminationGracePeriodSeconds timeoutSeconds",
        ),
    },
    "Mount": {
        "mountPath": "=path",
        **fields("-a volume is judged itself", "name subPath subPathExpr"),
        **fields("-rights", "readOnly recursiveReadOnly mountPropagation"),
    },
    "Volume": {
        "name": "-a name",
        **fields("=volume", _VOLUMES_OF_BYTES),
        "image": "ImageVolume",
        "projected": "Projected",
        "emptyDir": "-starts empty",
        "downwardAPI": "-facts of the pod itself",
    },
    "ImageVolume": {"reference": "=image", "pullPolicy": "-an image is judged by its digest"},
    "Projected": {"sources": "[ProjectedSource]", "defaultMode": "-rights"},
    "ProjectedSource": {
        **fields("=volume", "configMap secret"),
        **fields("-identity", "serviceAccountToken clusterTrustBundle podCertificate"),
        "downwardAPI": "-facts of the pod itself",
    },
    "PersistentVolume": {
        **fields("=volume", _VOLUMES_OF_BYTES),
        **fields(
            "-where an empty cache is made",
            "accessModes capacity claimRef mountOptions nodeAffinity storageClassName "
            "persistentVolumeReclaimPolicy volumeAttributesClassName volumeMode",
        ),
    },
    "Claim": {
        **fields("=volume", "dataSource dataSourceRef volumeName selector"),
        **fields(
            "-where an empty cache is made",
            "accessModes resources storageClassName volumeAttributesClassName volumeMode",
        ),
    },
}
"""Shapes of a pod and its parts, by name."""
