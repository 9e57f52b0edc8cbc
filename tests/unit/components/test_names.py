"""The names in ``kfp_provenance.components`` are the components, in any order of imports."""

from __future__ import annotations

import subprocess
import sys

import pytest

NAMES = ("ingest", "preprocess", "train", "evaluate")
IS_COMPONENT = "assert type(x).__name__ == 'TrackedComponent', type(x)"


def python(*lines: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-c", "\n".join(lines)],
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )


@pytest.mark.parametrize(
    "lines",
    [
        ["from kfp_provenance.components import train as x"],
        [
            "from kfp_provenance.components.train.estimators import make_estimator",
            "from kfp_provenance.components import train as x",
        ],
        [
            "from kfp_provenance.components import train as first",
            "import kfp_provenance.components.train.fitting",
            "import kfp_provenance.components as c",
            "x = c.train",
            "assert x is first",
        ],
        [
            "import kfp_provenance.components.train.component",
            "import kfp_provenance.components as c",
            "x = c.train",
        ],
        [
            "import importlib",
            "m = importlib.import_module('kfp_provenance.components.train')",
            "assert type(m).__name__ == 'module'",
            "import kfp_provenance.components",
            "x = kfp_provenance.components.train",
        ],
        ["from kfp_provenance.components import *", "x = train"],
    ],
)
def test_name_is_the_component_in_any_order(lines: list[str]) -> None:
    # sign and publish may be missing in no installation; the star import takes them all
    result = python(*lines, IS_COMPONENT)
    assert result.returncode == 0, result.stderr


def test_one_broken_component_does_not_break_the_others() -> None:
    result = python(
        "import sys",
        "sys.modules['kfp_provenance.components.ingest.component'] = None",
        "from kfp_provenance.components import evaluate as x",
        IS_COMPONENT,
        "try:",
        "    from kfp_provenance.components import ingest",
        "except ImportError:",
        "    sys.exit(7)",
    )
    assert result.returncode == 7, result.stderr


def test_import_is_lazy() -> None:
    result = python(
        "import sys, kfp_provenance.components",
        "assert 'kfp' not in sys.modules and 'sklearn' not in sys.modules",
        "assert set(kfp_provenance.components._NAMES) <= set(dir(kfp_provenance.components))",
        "from kfp_provenance.components import ingest, preprocess, train, evaluate",
        "heavy = {'sklearn', 'pandas', 'pyarrow', 'skops', 'matplotlib'} & set(sys.modules)",
        "assert not heavy, heavy",
    )
    assert result.returncode == 0, result.stderr


def test_unknown_name_is_an_attribute_error() -> None:
    from kfp_provenance import components

    with pytest.raises(AttributeError, match="no attribute 'tune'"):
        components.tune  # noqa: B018
