"""``kfp_provenance.component``: a drop-in for ``kfp.dsl.component`` that tracks."""

from __future__ import annotations

import hashlib
import inspect
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cache, partial
from pathlib import Path
from typing import Any

from kfp import dsl
from kfp.dsl import pipeline_context, python_component

from kfp_provenance.authoring.command import track_command
from kfp_provenance.codes import Code
from kfp_provenance.errors import AuthoringError
from kfp_provenance.facts import CodeState
from kfp_provenance.runtime import code_state
from kfp_provenance.settings import setting
from kfp_provenance.tracking import TaskTracking
from kfp_provenance.version import distribution_version

IN_IMAGE = "image"
"""Value of ``package`` that says: the image has this package already."""

_BASE_IMAGE = "python:3.11"
"""KFP's own default from 2.14 on; the older python:3.9 cannot run this package."""
_PACKAGE = "kfp_provenance"


@dataclass(frozen=True)
class Tracking:
    """How a component is tracked; every field has a working default.

    Attributes:
        store: Store URI fixed at compile time; empty leaves it to ``KPROV_STORE`` in the
            task's environment.
        package: What pip installs in the task so that it can track: a requirement, a URL
            or the path of a wheel (``/wheels/kfp_provenance-0.1.0-py3-none-any.whl[mlmd]``),
            or ``"image"`` if the image has it. Default: ``KPROV_PACKAGE``, else the pinned
            requirement of this very version.
        version: Version of the component, recorded with every step.
        step_signer: URI of the signer that each task signs its own step with; empty leaves
            it to ``KPROV_STEP_SIGNER``, and unset there means that it signs nothing.
    """

    store: str = ""
    package: str = ""
    version: str = ""
    step_signer: str = ""


class TrackedComponent(python_component.PythonComponent):
    """A Python component whose tasks carry the state of their author's repository.

    The component itself does not: KFP writes environment variables into a component's YAML
    in a form that it cannot load again.

    Args:
        made: What KFP made of the function, with the tracked command.
        code: Value of ``KPROV_CODE`` for its tasks; None leaves it unset.
    """

    def __init__(self, made: python_component.PythonComponent, code: str | None) -> None:
        super().__init__(component_spec=made.component_spec, python_func=made.python_func)
        self._code = code

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        """The task, as KFP's own component makes it."""
        task = super().__call__(*args, **kwargs)
        if self._code is not None and pipeline_context.Pipeline.get_default_pipeline() is not None:
            task.set_env_variable(code_state.VARIABLE, self._code)
        return task


# Any: the component classes of KFP ship no types
def component(
    func: Callable[..., Any] | None = None,
    *,
    tracking: Tracking | None = None,
    secret_parameters: Sequence[str] = (),
    **arguments: Any,
) -> Any:
    """Make a tracked component of a Python function.

    Takes every argument of ``kfp.dsl.component`` and returns what it returns. Each task of
    the component hashes its inputs, compares them with what their producers announced, runs
    the function, hashes the outputs and records the step; the function needs no call for it.

    Args:
        func: The function, when used without parentheses.
        tracking: Store, package and version, where the defaults do not fit.
        secret_parameters: Names of parameters that are recorded as keyed digests only.
        **arguments: Arguments of ``kfp.dsl.component`` of the installed KFP.

    Returns:
        A ``kfp.dsl.python_component.PythonComponent``, or a decorator for one.

    Raises:
        AuthoringError: COMPONENT_INVALID if KFP makes a command without its executor, or a
            name in ``secret_parameters`` is not a parameter.
    """
    if func is None:
        return partial(
            component, tracking=tracking, secret_parameters=secret_parameters, **arguments
        )
    chosen = tracking or Tracking()
    _check_secrets(func, secret_parameters)
    package = chosen.package or setting("package") or _requirement()
    if package != IN_IMAGE and not arguments.get("target_image"):
        packages = list(arguments.get("packages_to_install") or ())
        arguments["packages_to_install"] = [package, *packages]
    arguments["base_image"] = arguments.get("base_image") or _BASE_IMAGE
    component_file = arguments.pop("output_component_file", None)
    made = dsl.component(func, **arguments)
    container = made.component_spec.implementation.container
    fixed = TaskTracking(
        component=_name(func),
        version=chosen.version or _version(func),
        source=f"sha256:{_source_digest(func, container.command)}",
        image=container.image,
        secret_parameters=tuple(secret_parameters),
        store=chosen.store,
        step_signer=chosen.step_signer,
    )
    command = track_command(container.command, fixed)
    if command is None:
        raise AuthoringError(
            Code.COMPONENT_INVALID,
            f"{_name(func)} cannot be tracked: its command does not run KFP's executor",
            expected="a command with python3 -m kfp.dsl.executor_main",
            found=" ".join(container.command)[:200],
            remedy="use a Python function component of kfp 2.13 to 2.17",
        )
    container.command = command
    if component_file is not None:
        made.component_spec.save_to_component_yaml(component_file)
    return TrackedComponent(made, _code_state(func))


def _requirement() -> str:
    return f"kfp-provenance[mlmd]=={distribution_version()}"


def _name(func: Callable[..., Any]) -> str:
    module = func.__module__
    if module == "__main__":  # `python FILE.py` and `kprov run FILE.py:...` are one component
        spec = getattr(sys.modules[module], "__spec__", None)
        module = spec.name if spec else Path(func.__code__.co_filename).stem
    return f"{module}.{func.__qualname__}".replace("<locals>.", "")


def _version(func: Callable[..., Any]) -> str:
    own = func.__module__.split(".")[0] == _PACKAGE
    return distribution_version() if own else ""


def _source_digest(func: Callable[..., Any], command: Sequence[str]) -> str:
    """Digest of the program that the task runs, as it stands in the compiled command."""
    lightweight = "ephemeral_component.py" in "".join(command[:-1])
    source = command[-1] if lightweight else inspect.getsource(func)
    return hashlib.sha256(source.encode()).hexdigest()


def _check_secrets(func: Callable[..., Any], names: Sequence[str]) -> None:
    known = inspect.signature(func).parameters
    for name in names:
        if name not in known:
            raise AuthoringError(
                Code.COMPONENT_INVALID,
                f"secret parameter {name!r} is not a parameter of {_name(func)}",
                expected="one of " + ", ".join(known),
                found=name,
                remedy="mend the name, or the secret would be recorded in the clear",
            )


def _code_state(func: Callable[..., Any]) -> str | None:
    """Value of ``KPROV_CODE`` for the task; None where nothing is known or wanted."""
    if setting("code") == "none" or func.__module__.split(".")[0] == _PACKAGE:
        return None  # the version says which code it is
    file = inspect.getsourcefile(func)
    state = None if file is None else _repository_state(Path(file).resolve().parent)
    return None if state is None else code_state.to_variable(state)


@cache
def _repository_state(directory: Path) -> CodeState | None:
    return code_state.code_state(directory) if directory.is_dir() else None
