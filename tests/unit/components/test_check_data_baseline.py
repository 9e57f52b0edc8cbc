"""``check_data`` apart from KFP: what it compares with, and whom it believes."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from kfp_provenance.codes import Code
from kfp_provenance.components.check_data.judging import enforce
from kfp_provenance.errors import DataError, ProvenanceError
from kfp_provenance.hashing import hash_path
from kfp_provenance.runtime.context import current_task
from support.chains import key_pair
from support.check_data import ROWS, TABLE, CheckDesk, broken, desk, refused, replaced

__all__ = ["desk"]


def profile_of(desk: CheckDesk, version: int = 2) -> tuple[str, str]:
    """URI and digest of a profile that nobody signed."""
    _, path = desk.write(TABLE, "named")
    content = json.loads(path.read_bytes())
    if version == 1:
        content["version"] = 1
        for column in content["columns"]:
            del column["sketch"], column["others"]
    path.write_text(json.dumps(content))
    return path.as_uri(), str(hash_path(path).digest)


def test_a_profile_with_its_digest(desk: CheckDesk) -> None:
    uri, digest = profile_of(desk)
    check = desk.check(TABLE, baseline=uri, digest=digest)
    enforce(check.judged)
    (given,) = current_task().sources
    assert (given.name, given.artifact.uri, str(given.artifact.digest)) == ("baseline", uri, digest)
    assert json.loads(check.report)["baseline"]["approval"] is None


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"digest": ""}, "PARAMETER_INVALID"),
        ({"digest": "sha256:" + "0" * 64}, "OBJECT_DIGEST_MISMATCH"),
        ({"digest": "abc"}, "DIGEST_INVALID"),
        ({"baseline": ""}, "PARAMETER_INVALID"),
        ({"rows": True}, "PARAMETER_INVALID"),
        ({"key": ("id",)}, "PARAMETER_INVALID"),
        ({"label": "typo"}, "PARAMETER_INVALID"),
    ],
)
def test_parameters_that_do_not_go_together(
    desk: CheckDesk, changes: dict[str, Any], code: str
) -> None:
    uri, digest = profile_of(desk)
    with pytest.raises(ProvenanceError) as error:
        desk.check(TABLE, **({"baseline": uri, "digest": digest} | changes))
    assert str(error.value.code) == code
    assert error.value.remedy


def test_without_a_baseline_only_absolute_limits_are_left(desk: CheckDesk) -> None:
    nulls = replaced("age", [None] * 50 + [30] * (ROWS - 50))
    thresholds = {"min_rows": 500, "max_nulls": 0.1}
    check = desk.check(nulls, thresholds, baseline="", may_be_missing=True)
    assert broken(check) == {("min_rows", ""), ("max_nulls", "age")}
    assert "no baseline" in check.page
    assert current_task().sources == []


def test_a_profile_of_version_1_leaves_numbers_undecided_which_is_no_pass(desk: CheckDesk) -> None:
    uri, digest = profile_of(desk, version=1)
    error = refused(desk.check(TABLE, baseline=uri, digest=digest))
    assert error.code is Code.DATA_UNREADABLE
    assert error.exit_code == 2
    assert "max_psi of 'age'" in error.message
    assert "city" not in error.message
    thresholds = {"columns": {name: {"max_psi": "off"} for name in ("id", "age")}}
    enforce(desk.check(TABLE, thresholds, baseline=uri, digest=digest).judged)


def test_the_pointer_must_be_there_unless_it_is_said_that_it_need_not(desk: CheckDesk) -> None:
    with pytest.raises(ProvenanceError, match="no run was approved") as error:
        desk.check(TABLE)
    assert error.value.code is Code.OBJECT_MISSING
    assert desk.check(TABLE, may_be_missing=True, thresholds={}).judged == ()
    desk.publish(TABLE)
    # where there is a pointer it counts, whatever may be missing
    check = desk.check(replaced("age", [90] * ROWS), may_be_missing=True)
    assert ("max_psi", "age") in broken(check)


def test_whom_to_believe_must_be_said(desk: CheckDesk) -> None:
    desk.publish(TABLE)
    with pytest.raises(DataError, match="who must have signed"):
        desk.check(TABLE, public_key="")


@pytest.mark.parametrize("what", ["bundle", "model", "profile", "dataset", "key"])
def test_what_was_approved_cannot_be_changed(desk: CheckDesk, what: str) -> None:
    desk.publish(TABLE)
    pointer = json.loads(desk.pointer.read_text())
    changes: dict[str, Any] = {}
    if what == "bundle":
        file = Path(pointer["bundle"]["uri"])
        file.write_bytes(file.read_bytes() + b"\n")
    elif what == "model":  # another model's digest beside this chain
        pointer["model"]["digest"] = "sha256:" + "1" * 64
        desk.pointer.write_text(json.dumps(pointer))
    elif what == "key":
        changes["public_key"] = key_pair(desk.folder, "other")[1].decode()
    else:
        file = desk.folder / "ingest" / what
        file.write_bytes(file.read_bytes() + b" ")
    codes = {"model": Code.SUBJECT_MISMATCH, "key": Code.SIGNER_UNTRUSTED}
    with pytest.raises(ProvenanceError) as error:
        desk.check(TABLE, rows=True, key=("id",), **changes)
    assert error.value.code is codes.get(what, Code.OBJECT_DIGEST_MISMATCH)
    assert error.value.exit_code == 1


def test_several_profiles_need_a_task(desk: CheckDesk) -> None:
    desk.publish(TABLE, tasks=("ingest", "ingest-2"))
    with pytest.raises(DataError, match="not one data profile") as error:
        desk.check(TABLE)
    assert error.value.found == "2: ingest, ingest-2"
    check = desk.check(TABLE, task="ingest-2")
    report = json.loads(check.report)
    assert report["baseline"]["approval"]["task"] == "ingest-2"
    assert report["difference"]["rows_before"] == ROWS - 1


def test_other_bytes_are_no_pointer(desk: CheckDesk) -> None:
    desk.pointer.parent.mkdir()
    desk.pointer.write_text('{"model": 1}')
    with pytest.raises(DataError, match="no pointer") as error:
        desk.check(TABLE)
    assert error.value.code is Code.DATA_UNREADABLE


def test_page_escapes_names_and_has_no_script(desk: CheckDesk) -> None:
    evil = TABLE.append_column("<script>alert(1)</script>", [["<b>"] * ROWS])
    desk.publish(evil)
    page = desk.check(replaced("<script>alert(1)</script>", ["<i>"] * ROWS, evil)).page
    assert "<script" not in page
    assert "&lt;script&gt;" in page
