"""``kprov ui`` and ``kprov export`` as programs."""

from __future__ import annotations

import re
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from support.web_store import WebStore

WITHOUT = "import sys; sys.modules['fastapi'] = None; from kfp_provenance.cli import main; main()"


def kprov(*words: object, program: tuple[str, ...] = ("-m", "kfp_provenance")) -> list[str]:
    return [sys.executable, *program, *map(str, words)]


def run(*words: object, **options: object) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        kprov(*words, **options),  # type: ignore[arg-type]
        capture_output=True, text=True, check=False, timeout=120,
    )  # fmt: skip


@pytest.fixture
def served(web_store: WebStore) -> Iterator[tuple[subprocess.Popen[str], str]]:
    words = kprov("ui", "--store", web_store.uri, "--port", 0, "--key", web_store.key)
    with subprocess.Popen(words, stdout=subprocess.PIPE, text=True) as process:
        try:
            assert process.stdout is not None
            first = process.stdout.readline()
            address = re.match(r"http://127\.0\.0\.1:\d+/", first)
            assert address, first
            yield process, address[0]
        finally:
            process.kill()


def test_the_page_is_served_until_an_interrupt(
    served: tuple[subprocess.Popen[str], str], web_store: WebStore
) -> None:
    process, address = served
    answer = httpx.get(f"{address}models/{web_store.good}", timeout=60)
    assert 'class="verdict good"' in answer.text
    assert "server" not in answer.headers
    with httpx.Client() as client:
        assert client.get(address, headers={"host": "evil.example"}).status_code == 421
    process.send_signal(signal.SIGINT)
    assert process.wait(30) == 0


@pytest.mark.parametrize(
    ("words", "code"),
    [(("--store", "sqlite:/nonexistent/metadata.db"), "STORE_UNREACHABLE"),
     (("--key", "/nonexistent/key.pub"), "TRUST_INVALID"), (("--bundles", "/nonexistent"), "USAGE"),
     (("--host", "203.0.113.1"), "USAGE")],
)  # fmt: skip
def test_a_mistake_is_said_before_anything_is_served(
    web_store: WebStore, words: tuple[str, str], code: str
) -> None:
    store = () if words[0] == "--store" else ("--store", web_store.uri)
    done = run("ui", "--port", 0, *store, *words)
    assert (done.returncode, done.stdout) == (2, "")
    assert f"{code}: " in done.stderr
    assert "Traceback" not in done.stderr


def test_a_missing_extra_is_said_with_the_line_that_installs_it(web_store: WebStore) -> None:
    done = run("ui", "--store", web_store.uri, program=("-c", WITHOUT))
    assert done.returncode == 2
    assert "DEPENDENCY_MISSING" in done.stderr
    assert "pip install 'kfp-provenance[ui]'" in done.stderr


def test_a_model_is_written_as_one_file_without_the_extra(
    web_store: WebStore, tmp_path: Path
) -> None:
    target = tmp_path / "model.html"
    done = run(
        "export", "run-good/train/model", "-o", target, "--store", web_store.uri,
        "--key", web_store.key, program=("-c", WITHOUT),
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    text = target.read_text()
    assert web_store.good in text
    assert 'class="verdict good"' in text
