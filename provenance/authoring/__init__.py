"""Where pipelines are written: the decorator, the compiler, the local run."""

from __future__ import annotations

from kfp_provenance.authoring.compiling import CompiledPipeline, compile_pipeline
from kfp_provenance.authoring.decorator import Tracking, component
from kfp_provenance.authoring.local_run import LocalRun, run_locally

__all__ = [
    "CompiledPipeline",
    "LocalRun",
    "Tracking",
    "compile_pipeline",
    "component",
    "run_locally",
]
