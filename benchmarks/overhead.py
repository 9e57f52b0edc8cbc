"""What tracking adds to a step that handles no data, beside plain KFP.

    python benchmarks/overhead.py [--pairs 40] [--write]

Pairs of whole local runs (``kfp.local``, one task, a process of its own): the same function
as ``dsl.component`` and as ``kfp_provenance.component``, in turn first and second. Then one
run whose SQLite statements are counted: a step is one transaction that writes.
"""

# no `from __future__ import annotations`: KFP reads the annotations
import argparse
import contextlib
import io
import logging
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from _report import machine, write_section

TARGET_MS = 150
_COUNTER = """
import json, sys
from ml_metadata.metadata_store import metadata_store
calls = []
def counted(name, original):
    def call(self, *arguments, **options):
        calls.append(name)
        return original(self, *arguments, **options)
    return call
for name in dir(metadata_store.MetadataStore):
    if name.startswith("put_"):
        original = getattr(metadata_store.MetadataStore, name)
        setattr(metadata_store.MetadataStore, name, counted(name, original))
from kfp_provenance.runtime import recorder_process
code = recorder_process.main(sys.argv[1:])
open(sys.argv[0] + ".calls", "a").write(json.dumps(calls) + chr(10))
sys.exit(code)
"""


def step(n: int) -> int:
    """Nothing to do."""
    return n + 1


def components() -> tuple[Any, Any]:
    """The function as KFP's component and as ours."""
    from kfp import dsl

    import kfp_provenance

    options = {"base_image": "python:3.11", "install_kfp_package": False}
    tracked = kfp_provenance.component(
        step, tracking=kfp_provenance.Tracking(package="image"), **options
    )
    return dsl.component(step, **options), tracked


def measure(pairs: int, plain: Callable[..., Any], tracked: Callable[..., Any]) -> list[list[float]]:
    """Seconds of every plain and every tracked run, pair by pair."""
    seconds: list[list[float]] = [[], []]
    for number in range(pairs + 1):
        order = ((0, plain), (1, tracked)) if number % 2 else ((1, tracked), (0, plain))
        for index, component in order:
            begin = time.perf_counter()
            with contextlib.redirect_stdout(io.StringIO()):
                component(n=number)
            took = time.perf_counter() - begin
            if number:  # the first pair warms the caches and makes the store
                seconds[index].append(took)
    return seconds
