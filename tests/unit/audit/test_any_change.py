"""No single change of any line of a closed and signed trail goes unnoticed."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from support.audit import Gate, checkpoints_file, gate, records_file, write_signed


@pytest.fixture(scope="module")
def original(tmp_path_factory: pytest.TempPathFactory) -> Gate:
    made = gate(tmp_path_factory.mktemp("original"))
    write_signed(made)
    assert made.codes() == set()
    return made


@pytest.fixture
def made(original: Gate, tmp_path: Path) -> Gate:
    """A copy, which every example writes to and puts back."""
    shutil.copytree(original.folder, tmp_path / "trail")
    return Gate(tmp_path / "trail", original.signer, original.trust, original.public)


@settings(
    max_examples=150,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@given(st.data())
def test_no_single_change_of_any_line_goes_unnoticed(made: Gate, data: st.DataObject) -> None:
    (chain,) = made.chains()
    path = data.draw(st.sampled_from([records_file(chain), checkpoints_file(chain)]))
    lines = path.read_bytes().splitlines(keepends=True)
    before = list(lines)
    one = data.draw(st.integers(0, len(lines) - 1))
    kind = data.draw(st.sampled_from(["byte", "drop", "swap", "repeat", "cut", "cut inside"]))
    if kind == "byte":
        at = data.draw(st.integers(0, len(lines[one]) - 1))
        other = data.draw(st.integers(1, 255))
        line = bytearray(lines[one])
        line[at] ^= other
        lines[one] = bytes(line)
    elif kind == "drop":
        del lines[one]
    elif kind == "swap":
        two = data.draw(st.integers(0, len(lines) - 1))
        lines[one], lines[two] = lines[two], lines[one]
    elif kind == "repeat":
        lines.insert(data.draw(st.integers(0, len(lines))), lines[one])
    elif kind == "cut":
        del lines[one:]
    else:
        lines[one:] = [lines[one][: data.draw(st.integers(0, len(lines[one]) - 1))]]
    path.write_bytes(b"".join(lines))
    found = made.codes()
    path.write_bytes(b"".join(before))
    assert bool(found) == (lines != before)
