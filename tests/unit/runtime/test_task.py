"""The command line of a tracked task, given by hand."""

from __future__ import annotations

import hashlib
import json
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

import pytest

from kfp_provenance.tracking import TaskTracking

SOURCE = "def f(marker: str):\n    open(marker, 'w').close()\n"


def tracking(**changes: str) -> str:
    digest = hashlib.sha256(SOURCE.encode()).hexdigest()
    fields = {"component": "a.f", "version": "", "source": f"sha256:{digest}", "image": "i"}
    return TaskTracking(**{**fields, **changes}).to_json()  # type: ignore[arg-type]


def run(
    folder: Path, configuration: str, environ: Mapping[str, str] | None = None, source: str = SOURCE
) -> tuple[int, str]:
    """Exit code and standard error of one task; its function touches ``folder/ran``."""
    module = folder / "ephemeral_component.py"
    module.write_text("import typing\n" + source if source is not SOURCE else source)
    outputs = {"outputFile": f"{folder}/p-2026-11-23-10-11-12-123456/f/executor_output.json"}
    given = {"inputs": {"parameterValues": {"marker": f"{folder}/ran"}}, "outputs": outputs}
    done = subprocess.run(
        [
            sys.executable, "-m", "kfp_provenance.runtime", "--tracking", configuration,
            "kfp.dsl.executor_main", "--component_module_path", str(module),
            "--executor_input", json.dumps(given), "--function_to_execute", "f",
        ],
        cwd=folder,
        env={"PATH": "/usr/bin:/bin", "_KFP_RUNTIME": "true",
             "KPROV_STORE": f"sqlite:{folder}/metadata.db", **(environ or {})},
        capture_output=True, text=True, check=False, timeout=120,
    )  # fmt: skip
    return done.returncode, done.stderr


def test_untouched_task_runs(tmp_path: Path) -> None:
    code, errors = run(tmp_path, tracking(), source=SOURCE)
    assert code == 0, errors


@pytest.mark.parametrize(
    ("configuration", "environ", "code"),
    [
        ("{}", {}, "TRACKING_CONFIG_INVALID"),
        (tracking(source="sha256:" + "0" * 64), {}, "TRACKING_CONFIG_INVALID"),
        (tracking(), {"KPROV_CODE": "{}"}, "TRACKING_CONFIG_INVALID"),
        (tracking(), {"KPROV_STORE": "sqlite:"}, "STORE_URI_INVALID"),
        (tracking(), {"KFP_POD_NAME": "p", "KPROV_STORE": ""}, "STORE_UNSET"),
    ],
)
def test_refusals_come_before_user_code(
    tmp_path: Path, configuration: str, environ: dict[str, str], code: str
) -> None:
    status, errors = run(tmp_path, configuration, environ)
    assert status in (1, 2)
    assert errors.startswith(f"{code}: ")
    assert "Traceback" not in errors
    assert "remedy:" in errors
    assert not (tmp_path / "ran").exists()


def test_edited_source(tmp_path: Path) -> None:
    status, errors = run(tmp_path, tracking(), source=SOURCE + "# edited\n")
    assert status == 2
    assert "TRACKING_CONFIG_INVALID" in errors
    assert not (tmp_path / "ran").exists()


@pytest.mark.parametrize("arguments", [[], ["--tracking", "{}"], ["--tracking", "{}", "os"]])
def test_another_program_is_not_wrapped(tmp_path: Path, arguments: list[str]) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "kfp_provenance.runtime", *arguments],
        cwd=tmp_path, capture_output=True, text=True, check=False, timeout=60,
    )  # fmt: skip
    assert done.returncode == 2
    assert "usage" in done.stderr
