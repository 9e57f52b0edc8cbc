"""``kfp_provenance.component`` takes what ``dsl.component`` takes, and makes the same of it."""

# no `from __future__ import annotations`: KFP reads the annotations
import inspect
import json
from pathlib import Path
from typing import Any

import pytest
import yaml
from kfp import compiler, components, dsl
from kfp.dsl.python_component import PythonComponent

import kfp_provenance
from kfp_provenance import Tracking
from kfp_provenance.authoring.command import tracking_of
from kfp_provenance.codes import Code
from kfp_provenance.errors import AuthoringError
from kfp_provenance.version import distribution_version
from support.repositories import commit, git_repository

PINNED = f"kfp-provenance[mlmd]=={distribution_version()}"


def clean(table: dsl.Input[dsl.Dataset], out: dsl.Output[dsl.Dataset], n: int = 3) -> str:
    """Clean a table."""
    return str(n)


@pytest.fixture(autouse=True)
def _no_settings(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.chdir(tmp_path)
    for name in ("KPROV_PACKAGE", "KPROV_STORE", "KPROV_CODE"):
        monkeypatch.delenv(name, raising=False)


def container_of(component: Any, folder: Path) -> dict[str, Any]:
    file = folder / "component.yaml"
    compiler.Compiler().compile(component, str(file))
    (executor,) = yaml.safe_load(file.read_text())["deploymentSpec"]["executors"].values()
    container: dict[str, Any] = executor["container"]
    return container


EVERY_ARGUMENT: dict[str, Any] = {
    "base_image": "python:3.12-slim",
    "packages_to_install": ["pandas==2.2.3", "numpy"],
    "pip_index_urls": ["https://index.example/simple"],
    "install_kfp_package": False,
    "kfp_package_path": "git+https://example.org/kfp",
    "pip_trusted_hosts": ["index.example"],
    "use_venv": True,
}


@pytest.mark.parametrize("names", [[], ["base_image"], list(EVERY_ARGUMENT)])
def test_same_component_but_for_the_command(tmp_path: Path, names: list[str]) -> None:
    given = {"base_image": "python:3.11", **{name: EVERY_ARGUMENT[name] for name in names}}
    ours = kfp_provenance.component(clean, tracking=Tracking(package="image"), **given)
    plain = dsl.component(clean, **given)
    assert isinstance(ours, PythonComponent)
    assert (ours.name, ours.description) == (plain.name, plain.description)
    assert ours.component_spec.inputs == plain.component_spec.inputs
    assert ours.component_spec.outputs == plain.component_spec.outputs
    assert ours.python_func is clean
    got, expected = container_of(ours, tmp_path), container_of(plain, tmp_path)
    tracking = tracking_of(got["command"])
    assert tracking is not None
    start = got["command"][-2].index("kfp_provenance.runtime")
    end = got["command"][-2].index("kfp.dsl.executor_main")
    got["command"][-2] = got["command"][-2][:start] + got["command"][-2][end:]
    assert got == expected


def test_every_argument_of_this_kfp_is_taken() -> None:
    known = set(inspect.signature(dsl.component).parameters) - {"func"}
    assert set(EVERY_ARGUMENT) | {"target_image", "output_component_file"} <= known
    with pytest.raises(TypeError):
        kfp_provenance.component(clean, no_such_argument=1)


def test_with_and_without_parentheses() -> None:
    bare, called = kfp_provenance.component(clean), kfp_provenance.component()(clean)
    assert bare.component_spec == called.component_spec


# --- the package in the task's image


@pytest.mark.parametrize(
    ("package", "variable", "expected"),
    [
        ("", "", PINNED),
        ("", "kfp-provenance[mlmd] @ https://wheels.example/w.whl", None),
        ("/wheels/kfp_provenance-0.1.0-py3-none-any.whl[mlmd]", "kfp-provenance", None),
        ("image", "kfp-provenance", ""),
        ("", "image", ""),
    ],
)
def test_package_is_installed_unless_the_image_has_it(
    tmp_path: Path, package: str, variable: str, expected: str | None,
    monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    if variable:
        monkeypatch.setenv("KPROV_PACKAGE", variable)
    made = kfp_provenance.component(
        clean,
        tracking=Tracking(package=package),
        packages_to_install=["pandas==2.2.3"],
        pip_index_urls=["https://index.example/simple"],
    )
    script = container_of(made, tmp_path)["command"][2]
    (line,) = (line for line in script.splitlines() if "'pandas==2.2.3'" in line)
    assert "--index-url https://index.example/simple" in line
    wanted = package or variable if expected is None else expected
    if wanted:
        assert f"'{wanted}' 'pandas==2.2.3'" in line
    else:
        assert "provenance" not in script


def test_decorator_alone_asks_for_an_image_that_can_run_the_package(tmp_path: Path) -> None:
    container = container_of(kfp_provenance.component(clean), tmp_path)
    assert container["image"] == "python:3.11"
    assert f"'{PINNED}'" in container["command"][2]


def test_containerized_component(tmp_path: Path) -> None:
    made = kfp_provenance.component(
        clean, base_image="python:3.11", target_image="registry.example/clean:1"
    )
    container = container_of(made, tmp_path)
    tracking = tracking_of(container["command"])
    assert tracking is not None
    assert container["command"][:4] == ["python3", "-m", "kfp_provenance.runtime", "--tracking"]
    assert container["command"][-1] == "kfp.dsl.executor_main"
    assert tracking.image == "registry.example/clean:1"


# --- what the task is told


def test_tracking_of_a_component(tmp_path: Path) -> None:
    made = kfp_provenance.component(
        clean,
        tracking=Tracking(store="grpc://store:8080", version="1.2"),
        secret_parameters=["n"],
    )
    tracking = tracking_of(container_of(made, tmp_path)["command"])
    assert tracking is not None
    assert tracking.component == f"{__name__}.clean"
    assert (tracking.version, tracking.store) == ("1.2", "grpc://store:8080")
    assert tracking.secret_parameters == ("n",)


def test_unknown_secret_parameter_is_refused() -> None:
    with pytest.raises(AuthoringError) as caught:
        kfp_provenance.component(clean, secret_parameters=["m"])
    assert caught.value.code is Code.COMPONENT_INVALID
    assert "table, out, n" in caught.value.expected


# --- files


def test_component_file(tmp_path: Path) -> None:
    file = tmp_path / "component.yaml"
    kfp_provenance.component(clean, output_component_file=str(file))
    loaded = components.load_component_from_file(str(file))
    assert "kfp_provenance.runtime" in json.dumps(container_of(loaded, tmp_path))


def _component_in(repository: Path) -> Any:
    file = repository / "steps.py"
    file.write_text("def hello(name: str) -> str:\n    return name\n")
    commit(repository)
    spec: dict[str, Any] = {"__name__": "steps"}
    exec(compile(file.read_text(), str(file), "exec"), spec)  # noqa: S102 - the file above
    return kfp_provenance.component(spec["hello"])


def test_tasks_carry_the_code_and_component_files_load_again(tmp_path: Path) -> None:
    repository = git_repository(tmp_path / "repository")
    hello = _component_in(repository)
    assert "env" not in container_of(hello, tmp_path)
    loaded = components.load_component_from_file(str(tmp_path / "component.yaml"))

    @dsl.pipeline(name="both")
    def both():
        hello(name="a")
        loaded(name="b")

    file = tmp_path / "pipeline.yaml"
    compiler.Compiler().compile(both, str(file))
    executors = yaml.safe_load(file.read_text())["deploymentSpec"]["executors"].values()
    (own,) = (e["container"]["env"] for e in executors if "env" in e["container"])
    assert [entry["name"] for entry in own] == ["KPROV_CODE"]
    state = json.loads(own[0]["value"])
    assert state["dirty"] is False
    assert len(state["commit"]) == 40


def test_code_can_be_left_out(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("KPROV_CODE", "none")
    hello = _component_in(git_repository(tmp_path / "repository"))

    @dsl.pipeline(name="one")
    def one():
        hello(name="a").set_env_variable("OWN", "1")

    file = tmp_path / "pipeline.yaml"
    compiler.Compiler().compile(one, str(file))
    assert "KPROV_CODE" not in file.read_text()
