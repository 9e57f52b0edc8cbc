"""What the decorator tells the task: carried as JSON in the task's command.

The command is what admission and the cache of a cluster both see, so nothing that
decides how a step is tracked hides in the environment.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass

from kfp_provenance.codes import Code
from kfp_provenance.errors import TaskError

PARAMETER_IMAGE = "parameter:"
"""Prefix of an image that is the value of an input parameter of the task."""

_LIMIT = 64 * 1024


@dataclass(frozen=True)
class TaskTracking:
    """Fixed when the component is compiled.

    Attributes:
        component: Dotted module and function.
        version: Version of the distribution that the component comes from; may be empty.
        source: ``sha256:`` digest of the function's source.
        image: Image reference of the task, or :data:`PARAMETER_IMAGE` and a name.
        secret_parameters: Names of parameters that are recorded as keyed digests only.
        store: Store URI fixed by the author; empty leaves it to the environment.
        step_signer: URI of the signer of the task's own step; empty leaves it to the
            environment, where it may be unset: then the task signs nothing.
    """

    component: str
    version: str
    source: str
    image: str
    secret_parameters: tuple[str, ...] = ()
    store: str = ""
    step_signer: str = ""

    def to_json(self) -> str:
        """Compact JSON without the text ``python3``, which KFP's local runner rewrites."""
        text = json.dumps(asdict(self), separators=(",", ":"), sort_keys=True)
        return text.replace("python3", "pyth\\u006fn3")

    def resolved_image(self, parameters: Mapping[str, object]) -> str:
        """The image reference, looked up among the task's parameters if it is one."""
        if not self.image.startswith(PARAMETER_IMAGE):
            return self.image
        return str(parameters.get(self.image.removeprefix(PARAMETER_IMAGE), ""))

    @classmethod
    def from_json(cls, text: str) -> TaskTracking:
        """Read what :meth:`to_json` wrote.

        Raises:
            TaskError: TRACKING_CONFIG_INVALID if it is anything else.
        """
        try:
            if len(text) > _LIMIT:
                raise ValueError(f"longer than {_LIMIT} characters")
            raw = json.loads(text)
            secrets = raw.pop("secret_parameters")
            if not all(isinstance(name, str) for name in [*secrets, *raw.values()]):
                raise TypeError("a field is not a string")
            return cls(secret_parameters=tuple(secrets), **raw)
        except (ValueError, TypeError, KeyError, AttributeError) as error:
            raise TaskError(
                Code.TRACKING_CONFIG_INVALID,
                f"the task's tracking configuration cannot be read: {error}",
                where="--tracking in the task's command",
                remedy="compile the pipeline again with kfp_provenance.component",
            ) from error
