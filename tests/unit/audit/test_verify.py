"""Whatever is done to a closed and signed trail is found, each with its code."""

from __future__ import annotations

import hashlib
import json
import shutil
import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
import rfc8785

from kfp_provenance.attest.identifiers import BUILDERS, GATE_BUILDER
from kfp_provenance.audit import verify_trail
from kfp_provenance.codes import Code
from kfp_provenance.errors import AuditError
from kfp_provenance.verify import Trust
from support.audit import (
    Gate,
    altered,
    checkpoints_file,
    edited,
    gate,
    record,
    records_file,
    write_signed,
)
from support.chains import key_pair


@pytest.fixture
def made(tmp_path: Path) -> Gate:
    """A chain of 20 decisions and 4 checkpoints."""
    made = gate(tmp_path)
    write_signed(made)
    assert made.verify().verdict.passed
    return made


def _lines(made: Gate) -> Path:
    return records_file(made.chains()[0])


def test_a_changed_record(made: Gate) -> None:
    with edited(_lines(made)) as lines:
        lines[7] = altered(lines[7])
    assert Code.AUDIT_RECORD_CHANGED in made.codes()


def test_a_dropped_record(made: Gate) -> None:
    with edited(_lines(made)) as lines:
        del lines[7]
    assert made.codes() == {Code.AUDIT_RECORD_DROPPED}


def test_a_repeated_record(made: Gate) -> None:
    with edited(_lines(made)) as lines:
        lines.insert(12, lines[7])
    assert made.codes() == {Code.AUDIT_RECORD_DUPLICATE}


def test_two_records_in_the_other_order(made: Gate) -> None:
    with edited(_lines(made)) as lines:
        lines[7], lines[8] = lines[8], lines[7]
    assert made.codes() == {Code.AUDIT_RECORD_REORDERED}


def test_a_record_of_another_chain(made: Gate) -> None:
    made.write(3, "gate-1")
    first, second = made.chains()
    if records_file(first).stat().st_size < records_file(second).stat().st_size:
        first, second = second, first
    foreign = records_file(second).read_bytes().splitlines(keepends=True)[2]
    with edited(records_file(first)) as lines:
        lines.insert(7, foreign)
    assert made.codes() == {Code.AUDIT_RECORD_INSERTED}


def test_a_second_branch(made: Gate) -> None:
    with edited(_lines(made)) as lines:
        lines.insert(8, altered(lines[7]))
    assert made.codes() == {Code.AUDIT_CHAIN_FORKED}


def test_a_record_behind_the_end(made: Gate) -> None:
    with edited(_lines(made)) as lines:
        lines.append(_linked(lines[-1], lines[7]))
    assert made.codes() == {Code.AUDIT_RECORD_INSERTED}


def test_a_chain_cut_off(made: Gate) -> None:
    with edited(_lines(made)) as lines:
        del lines[-3:]
    assert made.codes() == {Code.AUDIT_CHAIN_TRUNCATED}


def test_a_chain_cut_off_in_the_middle_of_a_line(made: Gate) -> None:
    path = _lines(made)
    path.write_bytes(path.read_bytes()[:-1])
    assert made.codes() == {Code.AUDIT_CHAIN_TRUNCATED}


def test_a_chain_written_anew(made: Gate) -> None:
    """All digests hold, but they are not those that were signed."""
    with edited(_lines(made)) as lines:
        lines[7] = altered(lines[7])
        for position in range(8, len(lines)):
            lines[position] = _linked(lines[position - 1], lines[position])
    # so no checkpoint holds for its end any more
    assert made.codes() == {Code.AUDIT_CHAIN_REWRITTEN, Code.AUDIT_CHECKPOINT_MISSING}
    assert verify_trail(str(made.folder), None).verdict.passed  # so a signature is needed


def test_a_chain_written_anew_and_signed_by_somebody_else(made: Gate, tmp_path: Path) -> None:
    kept = _newest_checkpoint(made)
    thief, pem = key_pair(tmp_path, "thief")
    shutil.rmtree(made.folder)
    made.write(20, signer=thief)
    assert made.codes() == {
        Code.SIGNER_UNTRUSTED,
        Code.AUDIT_CHECKPOINT_MISSING,
    }
    assert Code.AUDIT_CHAIN_MISSING in made.codes(kept)
    assert verify_trail(str(made.folder), Trust.for_key(pem, (GATE_BUILDER,))).verdict.passed


def test_a_signer_that_may_only_sign_bundles(made: Gate) -> None:
    trust = Trust.for_key(made.public.read_bytes(), BUILDERS)
    report = verify_trail(str(made.folder), trust)
    assert Code.BUILDER_UNTRUSTED in {finding.code for finding in report.verdict.findings}


def test_a_chain_taken_away(made: Gate) -> None:
    made.write(1, "gate-1")
    oldest = min(made.chains(), key=lambda chain: "gate-1" in chain.name)
    shutil.rmtree(oldest)
    assert made.codes() == {Code.AUDIT_CHAIN_MISSING}


def test_a_chain_cut_off_and_its_checkpoints_too(made: Gate) -> None:
    """The chain that began after it still knows how long it was."""
    made.write(1, "gate-1")
    chain = min(made.chains(), key=lambda chain: "gate-1" in chain.name)
    with edited(records_file(chain)) as lines:
        del lines[7:]
    with edited(checkpoints_file(chain)) as lines:
        del lines[1:]
    assert Code.AUDIT_CHAIN_TRUNCATED in made.codes()


def test_the_whole_trail_taken_away_or_written_anew(made: Gate) -> None:
    """Nothing in the trail tells; a checkpoint that an auditor kept does."""
    kept = _newest_checkpoint(made)
    assert made.codes(kept) == set()
    shutil.rmtree(made.folder)
    with pytest.raises(AuditError) as caught:
        made.verify()
    assert caught.value.code is Code.AUDIT_TRAIL_EMPTY
    assert made.codes(kept) == {Code.AUDIT_CHAIN_MISSING}
    write_signed(made)
    assert made.codes() == set()
    assert made.codes(kept) == {Code.AUDIT_CHAIN_MISSING}


def test_a_kept_checkpoint_that_was_forged(made: Gate, tmp_path: Path) -> None:
    kept = _newest_checkpoint(made)
    forged = kept.replace(b'"sig":"MEU', b'"sig":"MEQ').replace(b'"sig":"MEQC', b'"sig":"MEQD')
    assert made.codes(forged) <= {Code.SIGNATURE_INVALID, Code.AUDIT_CHECKPOINT_INVALID}
    assert made.codes(b"{}") == {Code.AUDIT_CHECKPOINT_INVALID}


def test_checkpoints_taken_away(made: Gate) -> None:
    for position in (0, 2, -1):
        with edited(checkpoints_file(made.chains()[0])) as lines:
            taken, whole = lines.pop(position), list(lines)
        assert Code.AUDIT_CHECKPOINT_MISSING in made.codes(), position
        whole.insert(position if position >= 0 else len(whole), taken)
        checkpoints_file(made.chains()[0]).write_bytes(b"".join(whole))
    assert made.codes() == set()
    checkpoints_file(made.chains()[0]).unlink()
    assert Code.AUDIT_CHECKPOINT_MISSING in made.codes()


def test_checkpoints_in_the_other_order(made: Gate) -> None:
    with edited(checkpoints_file(made.chains()[0])) as lines:
        lines[1], lines[2] = lines[2], lines[1]
    assert Code.AUDIT_CHECKPOINT_INVALID in made.codes()


def test_a_killed_gate_leaves_a_torn_line_and_a_note(tmp_path: Path) -> None:
    made = gate(tmp_path)
    trail = made.open()
    trail.append(record(0))
    (chain,) = made.chains()
    path = records_file(chain)
    whole = path.read_bytes()
    path.write_bytes(whole + whole.splitlines()[-1][:100])
    report = made.verify()
    assert report.verdict.passed
    assert {note.code for note in report.verdict.notes} == {
        Code.AUDIT_RECORD_TORN,
        Code.AUDIT_NOT_COVERED,
    }
    made.write(1, "gate-1")
    report = made.verify()
    assert report.verdict.passed
    assert report.not_covered == 0  # the next start signs for it
    trail.close()


def test_a_torn_line_where_a_file_follows(made: Gate, monkeypatch: pytest.MonkeyPatch) -> None:
    shutil.rmtree(made.folder)
    monkeypatch.setattr("kfp_provenance.audit.sinks.MAX_FILE", 5000)
    made.write(30)
    (chain,) = made.chains()
    path = min(chain.glob("records-*"))
    path.write_bytes(path.read_bytes()[:-20])
    assert Code.AUDIT_RECORD_MALFORMED in made.codes()


@pytest.mark.parametrize(
    "junk",
    [
        b"junk\n",
        b"\n",
        b"[" * 100_000 + b"\n",
        b'{"a":' * 20_000 + b"1" + b"}" * 20_000 + b"\n",
        b'{"version":1e999}\n',
        b'{"version":NaN}\n',
        b"\xff\xfe\n",
        b'{"sequence":' + b"9" * 5000 + b"}\n",
        b"x" * 600_000 + b"\n",
    ],
)
def test_junk_is_a_finding_and_no_traceback(made: Gate, junk: bytes) -> None:
    with edited(_lines(made)) as lines:
        lines.insert(5, junk)
    assert Code.AUDIT_RECORD_MALFORMED in made.codes()
    with edited(checkpoints_file(made.chains()[0])) as lines:
        lines.insert(1, junk)
    assert Code.AUDIT_CHECKPOINT_INVALID in made.codes()


def test_a_link_in_the_place_of_a_file_is_not_followed(made: Gate, tmp_path: Path) -> None:
    path = _lines(made)
    path.rename(tmp_path / "elsewhere")
    path.symlink_to(tmp_path / "elsewhere")
    with pytest.raises(AuditError) as caught:
        made.verify()
    assert caught.value.code is Code.AUDIT_TRAIL_UNREADABLE


def test_a_trail_that_is_written_while_it_is_verified_holds(tmp_path: Path) -> None:
    made = gate(tmp_path)
    stop = threading.Event()

    def serve(replica: str) -> None:
        with made.open(replica, checkpoint_records=3) as trail:
            while not stop.is_set():
                trail.append(record())

    with ThreadPoolExecutor(2) as pool:
        gates = [pool.submit(serve, replica) for replica in ("gate-0", "gate-1")]
        try:
            while not made.folder.exists() or not made.chains() or made.verify().decisions < 20:
                assert not any(one.done() for one in gates)
            for _ in range(5):
                report = made.verify()
                assert report.verdict.passed, report.verdict.findings
        finally:
            stop.set()
        for one in gates:
            one.result()
    assert made.verify().not_covered == 0


def _linked(before: bytes, line: bytes) -> bytes:
    """A line behind another one, with the digest and the number that belong there."""
    value = json.loads(line)
    value["previous"] = f"sha256:{hashlib.sha256(before.rstrip()).hexdigest()}"
    value["sequence"] = json.loads(before)["sequence"] + 1
    return rfc8785.dumps(value) + b"\n"


def _newest_checkpoint(made: Gate) -> bytes:
    return checkpoints_file(made.chains()[0]).read_bytes().splitlines()[-1]
