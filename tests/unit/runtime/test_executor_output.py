"""What a task leaves for KFP's launcher, read and extended."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from kfp_provenance.codes import Code
from kfp_provenance.errors import TaskError
from kfp_provenance.runtime.executor_input import ExecutorInput, parse_executor_input
from kfp_provenance.runtime.executor_output import ExecutorOutput


@pytest.fixture(name="given")
def executor_input(tmp_path: Path) -> ExecutorInput:
    outputs = {
        "artifacts": {
            "data": {
                "artifacts": [
                    {
                        "name": "data",
                        "uri": f"{tmp_path}/data",
                        "type": {"schemaTitle": "system.Dataset"},
                        "metadata": {"planned": "yes"},
                    }
                ]
            },
            "executor-logs": {"artifacts": [{"uri": f"{tmp_path}/executor-logs-0"}]},
        },
        "parameters": {"lines": {"outputFile": f"{tmp_path}/lines"}},
        "outputFile": f"{tmp_path}/out/executor_output.json",
    }
    return parse_executor_input(json.dumps({"outputs": outputs}))


def put(given: ExecutorInput, content: object) -> None:
    path = Path(given.output_file)
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(content if isinstance(content, str) else json.dumps(content))


def get(given: ExecutorInput) -> dict[str, Any]:
    content: dict[str, Any] = json.loads(Path(given.output_file).read_text())
    return content


def test_what_the_function_wrote_is_kept_and_extended(given: ExecutorInput) -> None:
    put(
        given,
        {
            "parameterValues": {"Output": 3},
            "artifacts": {"data": {"artifacts": [{"uri": "/own", "metadata": {"a": 1}}]}},
            "unknown": {"stays": True},
        },
    )
    output = ExecutorOutput.read(given)
    ((name, index, artifact),) = output.artifacts()
    assert (name, index, artifact.uri, artifact.metadata) == ("data", 0, "/own", {"a": 1})
    assert artifact.schema_title == "system.Dataset"
    output.set_metadata(name, index, {**artifact.metadata, "more": "x"})
    output.write()
    content = get(given)
    assert content["artifacts"]["data"]["artifacts"][0]["metadata"] == {"a": 1, "more": "x"}
    assert content["unknown"] == {"stays": True}
    assert [path.name for path in Path(given.output_file).parent.iterdir()] == [
        "executor_output.json"
    ]


def test_function_that_wrote_nothing(given: ExecutorInput) -> None:
    output = ExecutorOutput.read(given)
    ((_, _, artifact),) = output.artifacts()
    assert artifact.metadata == {"planned": "yes"}
    output.set_metadata("data", 0, {"k": "v"})
    output.write()
    assert get(given)["artifacts"].keys() == {"data"}  # never the logs


def test_parameters_returned_beat_those_written_to_files(given: ExecutorInput) -> None:
    Path(given.output_parameter_files["lines"]).write_text("7")
    assert ExecutorOutput.read(given).parameters() == {"lines": "7"}
    put(given, {"parameterValues": {"lines": 8}})
    assert ExecutorOutput.read(given).parameters() == {"lines": 8}


@pytest.mark.parametrize(
    "content",
    ["", "[]", "{", '{"artifacts": []}', '{"artifacts": {"data": 3}}',
     '{"artifacts": {"data": {"artifacts": [3]}}}', '{"artifacts": {"data": {"artifacts": {}}}}'],
)  # fmt: skip
def test_damaged_output_is_one_clear_error(given: ExecutorInput, content: str) -> None:
    put(given, content)
    with pytest.raises(TaskError) as caught:
        list(ExecutorOutput.read(given).artifacts())
    assert caught.value.code is Code.OUTPUT_INVALID


def test_parameters_that_are_no_object(given: ExecutorInput) -> None:
    put(given, {"parameterValues": [1]})
    with pytest.raises(TaskError) as caught:
        ExecutorOutput.read(given).parameters()
    assert caught.value.code is Code.OUTPUT_INVALID
