"""Which places of an object an environment allows; models' URIs are judged by their evidence."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass

from kfp_provenance.codes import Code
from kfp_provenance.facts import Finding
from kfp_provenance.gate.places import ModelPlace, PlaceKind

_PINNED = re.compile(r"[a-z0-9][a-z0-9._:/\-]*@sha256:[0-9a-f]{64}")


@dataclass(frozen=True)
class PlaceRules:
    """What an environment allows beside models; by default nothing.

    Attributes:
        images: Prefixes of container images, each ending in ``/`` or ``@``. An image is
            allowed only if it is pinned by digest too.
        volumes: Types of volumes that may be mounted, for example ``configMap``.
        references: Whether variables may come from Secrets and ConfigMaps.
        storage_containers: Names of the ClusterStorageContainers that verify at load.
        services: Prefixes of addresses that an InferenceGraph may send requests to, each
            ending in ``/``.
    """

    images: tuple[str, ...] = ()
    volumes: frozenset[str] = frozenset()
    references: bool = False
    storage_containers: frozenset[str] = frozenset()
    services: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        for prefixes, ends in ((self.images, ("/", "@")), (self.services, ("/",))):
            if not all(prefix.endswith(ends) for prefix in prefixes):
                raise ValueError("a prefix that ends inside a name would allow other names too")

    def allows(self, place: ModelPlace) -> bool:
        """Whether a place that is no model's URI may stand in an object."""
        match place.kind:
            case PlaceKind.IMAGE:
                return self.takes_image(place.value)
            case PlaceKind.VOLUME:
                return place.value in self.volumes
            case PlaceKind.REFERENCE:
                return self.references
            case PlaceKind.STORAGE_CONTAINER:
                return place.value in self.storage_containers
            case PlaceKind.SERVICE:
                # an address with a user, a port or .. could begin like another one
                odd = any(sign in place.value for sign in ("@", "\\", "..", "%"))
                return place.value.startswith(self.services) and not odd
        return False

    def takes_image(self, image: str) -> bool:
        """Whether an image is pinned by digest and from an allowed repository."""
        pinned = _PINNED.fullmatch(image) is not None and ".." not in image
        return pinned and image.startswith(self.images)


def findings_of_places(places: Iterable[ModelPlace], rules: PlaceRules) -> tuple[Finding, ...]:
    """Why an object may not have what it has, apart from the models that it names."""
    return tuple(
        _unknown(place) if place.kind is PlaceKind.UNKNOWN else _denied(place, rules)
        for place in places
        if place.kind is not PlaceKind.URI and not rules.allows(place)
    )


def _unknown(place: ModelPlace) -> Finding:
    return Finding(
        Code.MODEL_PLACE_UNKNOWN,
        "this field could name a model, and the gate has not heard of it",
        artifact=place.pointer,
        expected="a field that docs/reference lists, without the URI of a model in it",
        found=place.value,
        remedy="remove the field, or update the gate",
    )


def _denied(place: ModelPlace, rules: PlaceRules) -> Finding:
    expected, remedy = _ADVICE[place.kind]
    if place.kind is PlaceKind.IMAGE and rules.images:
        expected = f"{', '.join(rules.images[:10])}... with @sha256:<digest>"
    return Finding(
        Code.MODEL_PLACE_DENIED,
        f"this environment does not allow this {place.kind}",
        artifact=place.pointer,
        expected=expected,
        found=place.value,
        remedy=remedy,
    )


_ADVICE = {
    PlaceKind.STORAGE_KEY: ("a storageUri", "name the model by its content-addressed URI"),
    PlaceKind.STORAGE_CONTAINER: (
        "a ClusterStorageContainer that verifies at load",
        "leave the choice of the container to KServe",
    ),
    PlaceKind.IMAGE: ("no image of its own", "let a ServingRuntime say the image"),
    PlaceKind.RUNTIME_VERSION: ("the version of the runtime", "remove runtimeVersion"),
    PlaceKind.VOLUME: ("a volume of an allowed type", "publish the bytes as part of the model"),
    PlaceKind.CODE: ("the program of the image", "put the program into a signed image"),
    PlaceKind.PATH: ("nothing at /mnt/models", "mount the volume elsewhere"),
    PlaceKind.REFERENCE: ("a value that the gate can read", "write the value into the object"),
    PlaceKind.SERVICE: ("a service of this namespace", "name an InferenceService: serviceName"),
    PlaceKind.SWITCH: ("the verification at load", "remove the field"),
}
