"""Models that are named in the arguments and variables of a container.

The images of an environment are trusted, so what a text does is what such an image makes of it:
servers take a model by a flag (``--model_id``), by a variable (``MODEL_ID``) or by a bare word
(``vllm serve org/name``). A path below ``/mnt/models`` is where verified models are put.
"""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterator, Sequence

MODELS_FOLDER = "/mnt/models"
"""Where KServe mounts what its storage initializer fetched."""

MODEL_URI = re.compile(
    r"(?:gs|gcs|s3|s3a|hf|pvc|oci(?:\+[a-z]+)?|modelscope|file|hdfs|webhdfs|abfss?|wasbs?|azureml"
    r"|mlflow|models|git(?:\+[a-z]+)?)://"
    r"|https?://[^\s/]*\.(?:blob|file|dfs)\.core\.windows\.net",
    re.IGNORECASE,
)
"""Starts of URIs that KServe, or a server that it runs, takes a model from."""

_MODEL_WORD = re.compile(
    r"model|lora|adapter|tokenizer|checkpoint|weights|\brepo|config[-_]file|plugin|pretrained"
    r"|code[-_]?(?:path|dir)|(?:^|[-_])hub(?:$|[-_])|handler|extra[-_]files|draft|speculative",
    re.IGNORECASE,
)
_HARMLESS_WORDS = frozenset(
    [
        "hf_hub_cache",
        "mlserver_model_implementation",
        "mlserver_model_name",
        "model_name",
        "served_model_name",
        "max_model_len",
        "model_impl",
        "model_control_mode",
        "model_class_name",
        "model_format",
        "model_type",
        "enable_lora",
        "max_loras",
        "max_lora_rank",
        "max_cpu_loras",
        "lora_dtype",
        "tokenizer_mode",
        "model_version_policy",
        "exit_on_error",
        "load_model",
        "models_max_loaded",
        "tokenizer_pool_size",
        "disable_tokenizer",
        "model_monitor_interval",
        "default_model_version",
    ]
)
_VALUE = re.compile(r"[-+]?[0-9.]+|true|false|none|auto|\{\{\s*\.Name\s*\}\}|", re.IGNORECASE)
_HUB_NAME = re.compile(r"[A-Za-z0-9][\w.\-]*/[A-Za-z0-9][\w.\-]*(?:[:@][\w.\-]+)?")
_PROGRAMS = frozenset({"serve", "start", "torchserve", "tritonserver", "vllm"})
_SCRIPT = re.compile(r"[\n;`|&]|\$\{|\$\((?![A-Za-z_][A-Za-z0-9_]*\))")


def names_model(name: str, value: str) -> bool:
    """Whether a flag or variable of this name and value says where a model comes from."""
    if MODEL_URI.search(value):
        return True
    word = name.lstrip("-").replace("-", "_").lower()
    if not _MODEL_WORD.search(word) or word in _HARMLESS_WORDS:
        return False
    return not _VALUE.fullmatch(value) and not is_mounted(value)


def is_mounted(path: str) -> bool:
    """Whether a path lies where verified models are put, and stays there.

    ``NAME=PATH``, as servers take adapters, is judged by its path.
    """
    name, separator, rest = path.partition("=")
    path = rest if separator and "/" not in name else path
    inside = path == MODELS_FOLDER or path.startswith(f"{MODELS_FOLDER}/")
    return inside and ".." not in path.split("/")


def is_script(text: str) -> bool:
    """Whether a shell would make a program of this argument."""
    return bool(_SCRIPT.search(text))


def models_in_arguments(arguments: Sequence[str]) -> Iterator[tuple[int, str]]:
    """Position and value of every argument that says where a model comes from.

    Which flags have a value is the server's to know. So a word after a flag is taken for its
    value, and for a model if it could be the name of one; a word of its own is a program, a
    verified model, or refused.
    """
    flag, before = "", ""
    for position, argument in enumerate(arguments):
        if before == "serve" and not is_mounted(argument):
            yield position, argument
        elif argument.startswith("-"):
            name, separator, value = argument.partition("=")
            if names_model(name, value) if separator else MODEL_URI.search(argument):
                yield position, value or argument
        elif flag:
            if names_model(flag, argument) or _HUB_NAME.fullmatch(argument):
                yield position, argument
        elif argument not in _PROGRAMS and not is_mounted(argument):
            yield position, argument
        flag = argument if argument.startswith("-") and "=" not in argument else ""
        before = argument


_ARGUMENTS = re.compile(r"(?:args|arguments|opts|options|flags)$", re.IGNORECASE)


def is_script_variable(name: str, value: str) -> bool:
    """Whether a start script would run the value of a variable as a program of a shell."""
    words = arguments_in_variable(value)
    return bool(words or _ARGUMENTS.search(name)) and is_script(value)


def arguments_in_variable(value: str) -> list[str]:
    """The words of a variable that a server's start script takes for arguments; else none."""
    try:
        words = shlex.split(value)
    except ValueError:  # an open quote: nobody's shell would read it otherwise
        words = value.split()
    return words if any(word.startswith("-") for word in words) else []
