"""The command of a tracked task: KFP's own, with this package's runtime around it."""

from __future__ import annotations

import re
import shlex
from collections.abc import Sequence

from kfp_provenance.tracking import TaskTracking

_PLAIN = "-m kfp.dsl.executor_main"
_RUNTIME = "-m kfp_provenance.runtime --tracking"
_TRACKED = re.compile(rf"{_RUNTIME} (?P<json>'[^']*') kfp\.dsl\.executor_main")
_CONTAINERIZED = ["python3", "-m", "kfp.dsl.executor_main"]


def track_command(command: Sequence[str], tracking: TaskTracking) -> list[str] | None:
    """``command`` with the runtime around KFP's executor; None if it has no executor."""
    if list(command[-3:]) == _CONTAINERIZED:
        head = [*command[:-3], "python3", "-m", "kfp_provenance.runtime"]
        return [*head, "--tracking", tracking.to_json(), _CONTAINERIZED[-1]]
    tracked = f"{_RUNTIME} {_quoted(tracking)} kfp.dsl.executor_main"
    # the last element is the user's source, which may talk about the executor too
    script = [part.replace(_PLAIN, tracked) for part in command[:-1]]
    return None if script == list(command[:-1]) else [*script, command[-1]]


def tracking_of(command: Sequence[str]) -> TaskTracking | None:
    """The tracking configuration in a compiled command; None if it is not tracked."""
    parts = list(command)
    if "kfp_provenance.runtime" in parts and "--tracking" in parts[:-1]:
        return TaskTracking.from_json(parts[parts.index("--tracking") + 1])
    for part in parts[:-1]:
        match = _TRACKED.search(part)
        if match:
            return TaskTracking.from_json(shlex.split(match["json"])[0])
    return None


def replace_tracking(command: Sequence[str], tracking: TaskTracking) -> list[str]:
    """A tracked ``command`` with another configuration."""
    parts = list(command)
    if "kfp_provenance.runtime" in parts:
        parts[parts.index("--tracking") + 1] = tracking.to_json()
        return parts
    new = f"{_RUNTIME} {_quoted(tracking)} kfp.dsl.executor_main"
    return [*(_TRACKED.sub(lambda _: new, part) for part in parts[:-1]), parts[-1]]


def _quoted(tracking: TaskTracking) -> str:
    # no apostrophe inside, so that one pair of them quotes it for every shell
    return "'" + tracking.to_json().replace("'", "\\u0027") + "'"
