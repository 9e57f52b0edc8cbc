"""The notebook of the documentation, run as it is, tells what it says that it tells."""

from __future__ import annotations

import os
import re
import sys
from pathlib import Path

import nbclient
import nbformat
import pytest

NOTEBOOK = Path(__file__).resolve().parents[2] / "docs/tutorials/incident.ipynb"


@pytest.fixture(scope="module")
def results(tmp_path_factory: pytest.TempPathFactory) -> list[str]:
    """All that its cells showed, one text for each cell of code."""
    folder = tmp_path_factory.mktemp("notebook")
    book = nbformat.read(NOTEBOOK, as_version=4)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("PATH", f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}")
        patch.setenv("IPYTHONDIR", str(folder))
        for name in [name for name in os.environ if name.startswith("KPROV_")]:
            patch.delenv(name)
        client = nbclient.NotebookClient(
            book, timeout=900, kernel_name="python3", resources={"metadata": {"path": str(folder)}}
        )
        client.execute()
    return [
        "\n".join(
            output.get("text") or output.get("data", {}).get("text/plain", "")
            for output in cell.outputs
        )
        for cell in book.cells
        if cell.cell_type == "code"
    ]


def test_first_cause_is_the_label_noise_with_the_true_count(results: list[str]) -> None:
    (shown,) = [text for text in results if "label noise" in text and "score" in text]
    causes = re.findall(r"^\d+ .*", shown.split("title")[-1], re.MULTILINE)
    assert "label noise: 3,123 of 30,000 labels in 'late' differ for the same keys" in causes[0]
    assert "500 rows added and 0 removed" in causes[1]


def test_impact_names_both_models_and_their_published_names(results: list[str]) -> None:
    (shown,) = [text for text in results if "'runs': 2" in text]
    assert "late-flights-forest.json" in shown
    assert "late-flights.json" in shown


def test_revocation_stops_the_two_models_and_not_the_good_one(results: list[str]) -> None:
    (shown,) = [text for text in results if "DIGEST_REVOKED" in text]
    verdicts = re.findall(r"^(PASS|REFUSED)", shown, re.MULTILINE)
    assert verdicts == ["PASS", "REFUSED", "REFUSED"]
    assert shown.count("DIGEST_REVOKED") == 2


def test_the_check_of_the_data_would_have_stopped_it(results: list[str]) -> None:
    *_, verdicts, reason = results
    assert "{'wednesday': 'passed', 'tuesday': 'RUN_FAILED'}" in verdicts
    assert "DATA_DRIFTED" in reason
    assert "max_label_flip of 'late': 0.1024" in reason
