"""What a user gets: the wheel and its declared dependencies, in a Python that has nothing else."""

from __future__ import annotations

import shutil
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

from support.interop import absent

ROOT = Path(__file__).resolve().parents[2]
STATIC = ROOT / "provenance" / "web" / "static"
VENDOR = "kfp_provenance/web/vendor/"
pytestmark = [pytest.mark.slow, pytest.mark.timeout(600)]


def run(*command: str | Path, cwd: Path = ROOT) -> str:
    done = subprocess.run(command, cwd=cwd, capture_output=True, text=True, check=False)
    assert done.returncode == 0, f"{command}\n{done.stdout}\n{done.stderr}"
    return done.stdout


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Built from a copy of the tree that has rubbish in it."""
    checkout = tmp_path_factory.mktemp("checkout")
    for name in ("provenance", "components", "pipelines", ".ci"):
        shutil.copytree(ROOT / name, checkout / name, ignore=shutil.ignore_patterns("__pycache__"))
    for name in ("pyproject.toml", "README.md", "LICENSE"):
        shutil.copy(ROOT / name, checkout)
    stale = checkout / "build" / "lib" / "kfp_provenance" / "left_by_an_earlier_build.py"
    stale.parent.mkdir(parents=True)
    stale.write_text("")
    run("sh", checkout / ".ci" / "wheel", checkout / "dist", sys.executable, cwd=checkout)
    (built,) = (checkout / "dist").glob("*.whl")
    return built


@pytest.fixture(scope="module")
def clean_python(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A virtual environment of its own with the wheel and what it asks for, nothing more."""
    folder = tmp_path_factory.mktemp("clean") / "venv"
    run("sh", ".ci/venv", folder, "3.11", "requirements/runtime.txt")
    python = folder / "bin" / "python"
    run(python, "-m", "pip", "install", "--no-deps", "--no-index", wheel)
    return python


def test_wheel_holds_the_three_packages_and_nothing_else(wheel: Path) -> None:
    with zipfile.ZipFile(wheel) as archive:
        names = archive.namelist()
    expected = {
        f"{package}/{path.relative_to(ROOT / folder)}"
        for folder, package in (
            ("provenance", "kfp_provenance"),
            ("components", "kfp_provenance/components"),
            ("pipelines", "kfp_provenance/pipelines"),
        )
        for path in (ROOT / folder).rglob("*")
        if path.is_file() and path.suffix in {".py", ".yaml", ".typed", ".j2", ".html"}
    }
    web = {name for name in names if name.startswith(("kfp_provenance/web/static/", VENDOR))}
    assert {f"kfp_provenance/web/static/{file.name}" for file in STATIC.iterdir()} <= web
    assert expected == {name for name in names if ".dist-info/" not in name} - web


def test_wheel_brings_what_the_web_page_draws_with(wheel: Path) -> None:
    """With licences; a wheel that was built without Node draws a picture that does not move."""
    with zipfile.ZipFile(wheel) as archive:
        there = {name.removeprefix(VENDOR) for name in archive.namelist() if VENDOR in name}
    if not there:
        absent("the wheel was built without Node and npm")
    assert there == {
        "cytoscape.min.js", "cytoscape.LICENSE.txt", "dagre.min.js", "dagre.LICENSE.txt",
        "graphlib.LICENSE.txt", "package-lock.json",
    }  # fmt: skip


def test_declared_dependencies_are_complete_and_agree(clean_python: Path) -> None:
    assert "No broken requirements" in run(clean_python, "-m", "pip", "check")


def test_components_import_beside_a_components_folder_of_the_user(
    clean_python: Path, tmp_path: Path
) -> None:
    (tmp_path / "components").mkdir()
    (tmp_path / "components" / "__init__.py").write_text("raise RuntimeError('the wrong one')\n")
    (tmp_path / "components" / "train.py").write_text("raise RuntimeError('the wrong one')\n")
    program = (
        "from kfp_provenance.components import train; "
        "import kfp_provenance; print(type(train).__name__, kfp_provenance.__file__)"
    )
    kind, file = run(clean_python, "-c", program, cwd=tmp_path).split()
    assert kind == "TrackedComponent"
    assert Path(file).is_relative_to(clean_python.parents[1])


def test_the_program_starts_from_any_directory(clean_python: Path, tmp_path: Path) -> None:
    (tmp_path / "data.csv").write_bytes(b"a,b\n1,2\n")
    printed = run(clean_python.parent / "kprov", "digest", "data.csv", cwd=tmp_path)
    expected = run("sha256sum", "data.csv", cwd=tmp_path).split()[0]
    assert f"sha256:{expected}" in printed
