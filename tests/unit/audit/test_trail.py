"""The trail as the gate writes it: bytes on the disk, many callers, failures."""

from __future__ import annotations

import asyncio
import json
import resource
import stat
import subprocess
import sys
import threading
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import datetime
from pathlib import Path

import pytest
import rfc8785

from kfp_provenance.audit import AuditTrail, Outcome, read_records, verify_trail
from kfp_provenance.codes import Code
from kfp_provenance.errors import AuditError, ProvenanceError, SettingsError, SigningError
from support.audit import Gate, gate, record, records_file, wait_for


@pytest.fixture
def made(tmp_path: Path) -> Gate:
    return gate(tmp_path)


def test_a_record_is_read_back_as_it_was(made: Gate) -> None:
    written = [record(0), record(1, outcome=Outcome.ALLOWED, findings=(), enforced=False)]
    with made.open() as trail:
        tips = [trail.append(one) for one in written]
    read = list(read_records(str(made.folder)))
    assert [decision.record for decision in read] == written
    assert [decision.id for decision in read] == [tip.id for tip in tips]
    assert [decision.digest for decision in read] == [tip.digest for tip in tips]


def test_the_bytes_are_canonical_and_each_line_repeats_the_digest_before(made: Gate) -> None:
    made.write(5)
    (chain,) = made.chains()
    path = records_file(chain)
    previous = None
    for sequence, line in enumerate(path.read_bytes().splitlines()):
        value = json.loads(line)
        assert rfc8785.dumps(value) == line
        assert (value["sequence"], value["previous"]) == (sequence, previous)
        # coreutils, as an auditor without this package has it
        hashed = subprocess.run(["sha256sum"], input=line, capture_output=True, check=True)
        previous = f"sha256:{hashed.stdout.split()[0].decode()}"
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert stat.S_IMODE(chain.stat().st_mode) == 0o700


def test_many_threads_and_tasks_get_a_receipt_each(made: Gate) -> None:
    with made.open(checkpoint_records=50) as trail:

        async def tasks() -> list[str]:
            tips = await asyncio.gather(*(trail.append_async(record(n)) for n in range(500)))
            return [tip.id for tip in tips]

        with ThreadPoolExecutor(8) as pool:
            other_loop = pool.submit(asyncio.run, tasks())
            ids = [tip.id for tip in pool.map(trail.append, map(record, range(500)))]
            ids += other_loop.result()
    assert len(set(ids)) == 1000
    assert {decision.id for decision in read_records(str(made.folder))} == set(ids)
    report = made.verify()
    assert report.verdict.passed
    assert (report.decisions, report.not_covered) == (1000, 0)


def test_the_event_loop_runs_on_while_the_disk_is_slow(made: Gate) -> None:
    """Whoever waits for the disk is another thread: here it is held up for real."""
    trail = made.open()
    writer = trail._writer
    assert writer is not None
    held, go_on = writer.sink.write, threading.Event()

    def slow(kind: str, first: int, data: bytes) -> None:
        assert go_on.wait(30)
        held(kind, first, data)

    writer.sink.write = slow  # type: ignore[method-assign]

    async def main() -> None:
        waiting = asyncio.ensure_future(trail.append_async(record()))
        for _ in range(100):
            await asyncio.sleep(0)
        assert not waiting.done()
        go_on.set()
        await waiting

    asyncio.run(main())
    trail.close()
    assert made.verify().verdict.passed


def test_a_new_start_begins_a_new_chain_that_knows_the_others(made: Gate) -> None:
    ids = []
    for replica in ("gate-0", "gate-1", "gate-0"):
        (one,) = made.write(1, replica)
        ids.append(one.partition("/")[0])
    starts = {
        start["chain"]: [tip["chain"] for tip in start["start"]["follows"]]
        for start in (
            json.loads(records_file(chain).read_bytes().splitlines()[0]) for chain in made.chains()
        )
    }
    # each end is said once: whoever needs an older one finds it through a newer one
    assert [starts[chain] for chain in ids] == [[], [ids[0]], [ids[1]]]
    assert made.verify().verdict.passed


def test_a_full_disk_is_an_error_and_never_a_receipt(made: Gate) -> None:
    """A process that may write 60 kB a file: what it got receipts for is there."""
    child = f"""
import resource, sys
sys.path.insert(0, {str(Path(__file__).parents[2])!r})
from pathlib import Path
from kfp_provenance.audit import AuditTrail
from kfp_provenance.errors import AuditError
from support.audit import record
trail = AuditTrail.open({str(made.folder)!r}, replica="gate-0")
resource.setrlimit(resource.RLIMIT_FSIZE, (60_000, 60_000))
for number in range(200):
    try:
        print(trail.append(record(number)).id, flush=True)
    except AuditError as error:
        assert error.code == "AUDIT_NOT_RECORDED", error
        print("refused", flush=True)
"""
    said = subprocess.run([sys.executable, "-c", child], capture_output=True, text=True, check=True)
    receipts = [line for line in said.stdout.splitlines() if line != "refused"]
    assert said.stdout.count("refused")
    assert 20 < len(receipts) < 200
    found = {decision.id for decision in read_records(str(made.folder))}
    assert set(receipts) <= found
    assert verify_trail(str(made.folder), None).verdict.passed


def test_the_trail_goes_on_in_a_new_chain_when_it_can(
    made: Gate, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("kfp_provenance.audit.trail._PAUSE", 0.0)
    trail = made.open()
    first = trail.append(record(0))
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (10, before[1]))
    try:
        with pytest.raises(AuditError) as caught:
            trail.append(record(1))
        assert caught.value.code is Code.AUDIT_NOT_RECORDED
        assert trail.status().failure
        with pytest.raises(AuditError):
            trail.append(record(2))
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
    second = trail.append(record(3))
    assert second.chain != first.chain
    trail.close()
    report = made.verify()
    assert report.verdict.passed, report.verdict.findings
    assert {d.record.request_id for d in read_records(str(made.folder))} == {
        "request-0",
        "request-3",
    }
    assert report.not_covered == 0  # the new chain's signature covers the old chain's end
    assert trail.status().failure == ""


def test_checkpoints_follow_the_count_and_the_time(made: Gate) -> None:
    with made.open(checkpoint_records=10) as trail:
        for number in range(10):
            trail.append(record(number))
        wait_for(lambda: trail.status().not_covered == 0)
    with made.open("gate-1", checkpoint_records=10**6, checkpoint_seconds=0.05) as trail:
        trail.append(record())
        wait_for(lambda: trail.status().not_covered == 0)


def test_decisions_go_on_while_the_signer_fails(made: Gate) -> None:
    class Failing:
        name = made.signer.name
        fails = False

        def sign(self, payload: bytes, payload_type: str) -> bytes:
            if self.fails:
                raise SigningError(Code.SIGNER_UNREACHABLE, "the signer is away")
            return made.signer.sign(payload, payload_type)

    signer = Failing()
    trail = made.open(signer=signer, checkpoint_records=1, checkpoint_seconds=0.05)
    signer.fails = True
    trail.append(record(0))
    wait_for(lambda: "SIGNER_UNREACHABLE" in trail.status().failure)
    trail.append(record(1))
    assert trail.status().not_covered == 2
    assert made.verify().not_covered == 2  # and it is told
    signer.fails = False
    wait_for(lambda: trail.status().not_covered == 0)
    assert trail.status().failure == ""
    trail.close()
    assert made.verify().verdict.passed


def test_no_trail_without_a_signature_if_there_is_a_signer(made: Gate) -> None:
    class Denied:
        name = "denied"

        def sign(self, _payload: bytes, _payload_type: str) -> bytes:
            raise SigningError(Code.SIGNER_DENIED, "no")

    with pytest.raises(SigningError):
        made.open(signer=Denied())
    assert made.chains() == []


@pytest.mark.parametrize("uri", ["s3://bucket/trail", "https://host/trail", "mem:x"])
def test_a_place_that_no_trail_is_kept_at_is_refused(uri: str) -> None:
    with pytest.raises(AuditError) as caught:
        AuditTrail.open(uri, replica="gate-0")
    assert caught.value.code is Code.URI_UNSUPPORTED


def test_a_file_in_the_place_of_the_folder_stays_as_it_is(tmp_path: Path) -> None:
    blocked = tmp_path / "file"
    blocked.write_text("not a folder")
    with pytest.raises(ProvenanceError) as caught:
        AuditTrail.open(str(blocked), replica="gate-0")
    assert caught.value.code in {Code.AUDIT_NOT_RECORDED, Code.AUDIT_TRAIL_UNREADABLE}
    assert blocked.read_text() == "not a folder"


@pytest.mark.parametrize("replica", ["../up", "A", "a" * 64, "a b", "-a"])
def test_a_replica_has_the_name_of_a_host(made: Gate, replica: str) -> None:
    with pytest.raises(SettingsError) as caught:
        made.open(replica)
    assert caught.value.code is Code.SETTING_INVALID


def test_a_decision_without_a_zone_is_refused(made: Gate) -> None:
    with made.open() as trail, pytest.raises(AuditError) as caught:
        trail.append(replace(record(), time=datetime(2026, 1, 1)))  # noqa: DTZ001
    assert caught.value.code is Code.AUDIT_RECORD_INVALID


def test_a_closed_trail_takes_nothing(made: Gate) -> None:
    trail = made.open()
    trail.close()
    trail.close()
    with pytest.raises(AuditError) as caught:
        trail.append(record())
    assert caught.value.code is Code.AUDIT_NOT_RECORDED


def test_files_are_not_kept_open(made: Gate) -> None:
    made.write(1)
    before = len(list(Path("/proc/self/fd").iterdir()))
    for _ in range(5):
        made.write(1)
    assert len(list(Path("/proc/self/fd").iterdir())) == before


def test_a_chain_goes_on_in_a_new_file(made: Gate, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("kfp_provenance.audit.sinks.MAX_FILE", 5000)
    made.write(30)
    (chain,) = made.chains()
    assert len(list(chain.glob("records-*"))) > 3
    assert made.verify().verdict.passed
    assert made.verify().decisions == 30
