"""What tracking adds to a step that handles no data, beside plain KFP.

    python benchmarks/overhead.py [--quick] [--check]

Pairs of whole local runs (``kfp.local``, one task, one process of its own): the same
function as ``dsl.component`` and as ``kfp_provenance.component``, in turn first and second.
Then the writes to MLMD of one step are counted. Needs Python 3.11 and the extra ``mlmd``.
"""

# no `from __future__ import annotations`: KFP reads the annotations
import argparse
import contextlib
import io
import json
import logging
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from importlib.metadata import version
from pathlib import Path
from typing import Any

from _report import interleave, machine, write_section

CORES = 2
TARGET_MS = 150
# records one step in a store that is ready, as the process beside a task does
COUNT_WRITES = """
import json, os, sys
from datetime import UTC, datetime
from ml_metadata.metadata_store.metadata_store import MetadataStore
from kfp_provenance.facts import ComponentReference, Digest, Outcome, Step
from kfp_provenance.metadata import init_store
from kfp_provenance.runtime.environment import current_environment
from kfp_provenance.runtime.recorder_process import serve
from kfp_provenance.runtime.step_message import encode_step

store, calls, now = sys.argv[1], [], datetime.now(UTC)
step = Step("id", "run", "task", "pipeline", ComponentReference("c", "", Digest("0" * 64), "i"),
            current_environment().digest, now, now, Outcome.SUCCEEDED)
init_store(store)
def counted(name, original):
    def call(*arguments, **options):
        calls.append(name)
        return original(*arguments, **options)
    return call
for name in dir(MetadataStore):
    if name.startswith("put_"):
        setattr(MetadataStore, name, counted(name, getattr(MetadataStore, name)))
requests, asked = os.pipe()
uris = json.dumps({"store": store, "signer": ""})
os.write(asked, f"{uris}\\n{encode_step(step)}\\n".encode())
os.close(asked)
code = serve(requests, os.open(os.devnull, os.O_WRONLY))
print(json.dumps(calls))
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
    tracking = kfp_provenance.Tracking(package="image")
    return (
        dsl.component(step, **options),
        kfp_provenance.component(step, tracking=tracking, **options),
    )


def timed(component: Callable[..., Any]) -> Callable[[], float]:
    """Seconds of one whole local run."""

    def run() -> float:
        begin = time.perf_counter()
        with contextlib.redirect_stdout(io.StringIO()):
            component(n=1)
        return time.perf_counter() - begin

    return run


def count_writes(folder: Path) -> dict[str, int]:
    """How often each method of MLMD that writes is called for one step."""
    command = [sys.executable, "-c", COUNT_WRITES, f"sqlite:{folder}/counted.db"]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    calls: list[str] = json.loads(done.stdout)
    return {name: calls.count(name) for name in calls}


def percentile(values: list[float], share: float) -> float:
    """The value that ``share`` of ``values`` does not exceed."""
    return sorted(values)[max(0, round(share * len(values)) - 1)]


def table(seconds: dict[str, list[float]], writes: dict[str, int]) -> tuple[str, float]:
    """The section, and the median of the difference in milliseconds."""
    pairs = zip(seconds["tracked"], seconds["plain"], strict=True)
    columns = {
        "plain KFP": seconds["plain"],
        "tracked": seconds["tracked"],
        "difference": [ours - theirs for ours, theirs in pairs],
    }
    lines = [
        "## Overhead of a step without data (`benchmarks/overhead.py`)",
        "",
        "| whole local run, ms | median | p95 | target of the median |",
        "|---|---|---|---|",
    ]
    for name, values in columns.items():
        target = f"{TARGET_MS}" if name == "difference" else ""
        median, p95 = statistics.median(values), percentile(values, 0.95)
        lines.append(f"| {name} | {median * 1000:.0f} | {p95 * 1000:.0f} | {target} |")
    calls = ", ".join(f"{count} x `{name}`" for name, count in writes.items())
    lines += [
        "",
        f"Writes to MLMD for one step: {calls}.",
        f"Machine: {machine()}. kfp {version('kfp')}, ml-metadata {version('ml-metadata')}, store"
        f" in SQLite. {len(seconds['plain'])} pairs; the difference is taken pair by pair; load"
        f" average at their end {os.getloadavg()[0]:.1f}.",
    ]
    return "\n".join(lines), statistics.median(columns["difference"]) * 1000


def measure(folder: Path, pairs: int) -> tuple[str, float, dict[str, int]]:
    """Run everything below ``folder``."""
    from kfp import local

    os.chdir(folder)
    os.environ["KPROV_STORE"] = f"sqlite:{folder}/metadata.db"
    logging.disable(logging.CRITICAL)
    local.init(local.SubprocessRunner(use_venv=False), pipeline_root=str(folder / "runs"))
    plain, tracked = components()
    seconds = interleave({"plain": timed(plain), "tracked": timed(tracked)}, pairs)
    writes = count_writes(folder)
    return *table(seconds, writes), writes


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--quick", action="store_true", help="5 pairs; writes nothing")
    parser.add_argument("--check", action="store_true", help="fail below a target")
    options = parser.parse_args()
    os.sched_setaffinity(0, sorted(os.sched_getaffinity(0))[:CORES])
    with tempfile.TemporaryDirectory() as name:
        markdown, median, writes = measure(Path(name), 5 if options.quick else 40)
        os.chdir("/")
    print(markdown)
    if not options.quick:
        write_section("overhead", markdown)
    missed = [f"{median:.0f} ms"] if median > TARGET_MS else []
    if writes != {"put_lineage_subgraph": 1}:
        missed.append(f"writes: {writes}")
    for what in missed:
        print(f"below its target: {what}", file=sys.stderr)
    return 1 if options.check and missed else 0


if __name__ == "__main__":
    sys.exit(main())
