"""How KFP's driver and launcher turn values into others; see support/launcher.py."""

from __future__ import annotations

import hashlib
import json
from typing import Any

Json = dict[str, Any]


def fingerprint(container: Json, inputs: Json, outputs: Json, component: Json) -> str:
    """KFP's cache key: names of artifacts (their MLMD ids), never their content."""
    key = {
        "inputs": {n: [a["name"] for a in g["artifacts"]] for n, g in inputs["artifacts"].items()},
        "parameters": inputs["parameterValues"],
        "outputs": {n: g["artifacts"][0]["type"] for n, g in outputs["artifacts"].items()},
        "results": component.get("outputDefinitions", {}).get("parameters", {}),
        "image": container["image"],
        "command": [*container["command"], *container.get("args", [])],
    }
    return hashlib.sha256(json.dumps(key, sort_keys=True).encode()).hexdigest()


def replaced_command(container: Json, component: Json, executor_input: Json) -> list[str]:
    """The command with the placeholders that the launcher replaces."""
    defaults = component.get("inputDefinitions", {}).get("parameters", {})
    values = {n: d["defaultValue"] for n, d in defaults.items() if "defaultValue" in d}
    values |= executor_input["inputs"]["parameterValues"]
    inputs = {**executor_input["inputs"], "parameterValues": values}
    whole = _protojson({**executor_input, "inputs": inputs})
    placeholders = {
        f"{{{{$.inputs.parameters['{name}']}}}}": value if isinstance(value, str) else _text(value)
        for name, value in values.items()
    }
    first, *rest = [*container["command"], *container.get("args", [])]
    command = [first]
    for part in rest:
        text = part.replace("{{$}}", whole)
        for placeholder, value in placeholders.items():
            text = text.replace(placeholder, value)
        command.append(text)
    return command


def _text(value: object) -> str:
    return _protojson(value) if not isinstance(value, bool) else str(value).lower()


def _protojson(value: object) -> str:
    """Go's protojson: whole numbers without a fraction, and a blank here and there."""
    return json.dumps(_numbers(value), ensure_ascii=False, separators=(", ", ":"))


def _numbers(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _numbers(item) for key, item in value.items()}
    if isinstance(value, list):
        return [_numbers(item) for item in value]
    return int(value) if isinstance(value, float) and value.is_integer() else value


def to_mlmd(value: Any) -> Any:
    """StructValueToMLMDValue, and what MLMD's SQL keeps of a double."""
    if isinstance(value, bool):
        return int(value)
    if isinstance(value, int | float):
        return float(f"{float(f'{value:.6f}'):.15g}")
    if isinstance(value, list):
        return {"list": value}
    if isinstance(value, dict):
        return {"struct": value}
    assert isinstance(value, str), "the launcher fails on null"
    return value


def from_mlmd(properties: Json) -> Json:
    """toRuntimeArtifact: every number is a double."""
    return {k: float(v) if isinstance(v, int) else v for k, v in properties.items()}


def merge_artifact(written: Json, artifact: Json) -> None:
    """mergeRuntimeArtifacts."""
    artifact["uri"] = written.get("uri") or artifact["uri"]
    artifact.setdefault("metadata", {}).update(written.get("metadata", {}))
