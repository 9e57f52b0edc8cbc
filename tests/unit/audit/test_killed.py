"""Gates that are killed at any moment, and two at once: what was answered is there."""

from __future__ import annotations

import random
import select
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from kfp_provenance.audit import read_records
from support.audit import Gate, gate

_SUPPORT = Path(__file__).parents[2]
_GATE = f"""
import sys, threading
sys.path.insert(0, {str(_SUPPORT)!r})
from kfp_provenance.audit import AuditTrail
from kfp_provenance.signing import open_signer
from support.audit import record
uri, key, replica, count = sys.argv[1:]
signer = open_signer("file:" + key)
trail = AuditTrail.open(uri, replica=replica, signer=signer, checkpoint_records=20)
lock = threading.Lock()
def serve(first):
    for number in range(first, first + int(count)):
        tip = trail.append(record(number))
        with lock:  # the answer goes out only now
            sys.stdout.write(tip.id + "\\n")
            sys.stdout.flush()
threads = [threading.Thread(target=serve, args=(n * 10**6,)) for n in range(4)]
for thread in threads: thread.start()
for thread in threads: thread.join()
trail.close()
"""


def _start(made: Gate, replica: str, count: int) -> subprocess.Popen[bytes]:
    key = made.public.with_suffix(".key")
    command = [sys.executable, "-c", _GATE, str(made.folder), str(key), replica, str(count)]
    return subprocess.Popen(command, stdout=subprocess.PIPE)


def _killed(made: Gate, delay: float) -> list[str]:
    """Whole lines that a gate wrote which was killed ``delay`` seconds after its first one."""
    with _start(made, "gate-0", 10**5) as process:
        assert process.stdout is not None
        data = process.stdout.readline()
        assert data, "the gate never answered"
        deadline = time.monotonic() + delay
        while (left := deadline - time.monotonic()) > 0:
            if select.select([process.stdout], [], [], left)[0]:
                data += process.stdout.read1()
        process.send_signal(signal.SIGKILL)
        data += process.stdout.read()
    assert process.returncode == -signal.SIGKILL
    return data.decode().split("\n")[:-1]


@pytest.mark.slow
def test_no_answered_decision_is_lost_when_the_gate_is_killed(tmp_path: Path) -> None:
    made = gate(tmp_path)
    chance = random.Random(6)  # noqa: S311 - moments of a test
    answered: list[str] = []
    for _ in range(6):
        answered += _killed(made, chance.uniform(0.0, 0.3))
        found = {decision.id for decision in read_records(str(made.folder))}
        assert set(answered) <= found
        assert made.verify().verdict.passed, made.verify().verdict.findings
    assert len(answered) > 100
    made.write(1, "gate-0")
    report = made.verify()
    assert report.verdict.passed
    assert report.not_covered == 0  # and none is unsigned
    assert len(report.chains) == 7


@pytest.mark.slow
def test_two_gates_at_once_write_two_chains(tmp_path: Path) -> None:
    made = gate(tmp_path)
    first, second = (_start(made, "gate-0", 200) for _ in range(2))  # of one name, by mistake
    said = [process.communicate(timeout=120)[0].decode().split() for process in (first, second)]
    assert (first.returncode, second.returncode) == (0, 0)
    found = [decision.id for decision in read_records(str(made.folder))]
    assert sorted(found) == sorted(said[0] + said[1])
    assert len(found) == 1600
    report = made.verify()
    assert report.verdict.passed
    assert report.not_covered == 0
    assert len(report.chains) == 2
