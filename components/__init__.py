"""Pipeline components with provenance.

    from kfp_provenance.components import ingest, check_data, preprocess, train, evaluate
    from kfp_provenance.components import sign, publish

Each name is the component, ready to be called in a pipeline. Each is also the name of the
package that implements it, and Python binds a package to its parent as soon as anything
below it is imported. So this module refuses that binding: the name stays the component
in whatever order things are imported, and the implementation is reached with
``from kfp_provenance.components.train.fitting import fit_model`` as usual.

A component is loaded when its name is first used, and one that cannot be loaded does not
keep the others from working.
"""

from __future__ import annotations

import sys
from importlib import import_module
from types import ModuleType
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from kfp_provenance.components.check_data.component import check_data as check_data
    from kfp_provenance.components.evaluate.component import evaluate as evaluate
    from kfp_provenance.components.ingest.component import ingest as ingest
    from kfp_provenance.components.preprocess.component import preprocess as preprocess
    from kfp_provenance.components.publish.component import publish as publish
    from kfp_provenance.components.sign.component import sign as sign
    from kfp_provenance.components.train.component import train as train

_NAMES = ("check_data", "evaluate", "ingest", "preprocess", "publish", "sign", "train")
__all__ = [*_NAMES]  # noqa: PLE0604 - the names of the table above


class _Components(ModuleType):
    """A module whose component names are never bound to the packages of the same names."""

    def __getattr__(self, name: str) -> object:
        if name not in _NAMES:
            raise AttributeError(f"module {self.__name__!r} has no attribute {name!r}")
        component: object = getattr(import_module(f"{self.__name__}.{name}.component"), name)
        setattr(self, name, component)
        return component

    def __setattr__(self, name: str, value: object) -> None:
        # what the import system does after it has loaded the package `name`
        if name in _NAMES and isinstance(value, ModuleType):
            return
        super().__setattr__(name, value)

    def __dir__(self) -> list[str]:
        return sorted({*super().__dir__(), *_NAMES})


sys.modules[__name__].__class__ = _Components
