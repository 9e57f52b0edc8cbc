"""A pass stands beside a model only if its bundle was verified and the store agrees."""

from __future__ import annotations

import re
import shutil
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest
from starlette.testclient import TestClient

from kfp_provenance.codes import Code
from kfp_provenance.metadata import LineageIndex, open_index
from kfp_provenance.verify import Trust, load_trust
from kfp_provenance.web.bundles import BundleFolder
from kfp_provenance.web.family import family_of
from kfp_provenance.web.references import content_of
from kfp_provenance.web.verdicts import Judge, Judgement, State, TrustSource
from support.web_store import WebStore
from unit.web.conftest import copy_store, settings_for


def judged(store: WebStore, model: str, **changes: object) -> Judgement:
    settings = settings_for(store, **changes)
    with closing(open_index(store.uri)) as index:
        return Judge(settings).judge(index, content_of(index, model))


def changed(store: WebStore, target: Path, statement: str, *values: object) -> WebStore:
    """A copy of the store with rows that somebody changed."""
    copy = copy_store(store, target)
    with closing(sqlite3.connect(target)) as database:
        assert database.execute(statement, values).rowcount
        database.commit()
    return copy


def test_a_signed_model_passes(web_store: WebStore) -> None:
    found = judged(web_store, web_store.good)
    assert found.state is State.PASS
    assert found.view is not None
    assert found.view.signers == ("signer.pub",)
    assert found.brief == ""


def test_a_stranger_is_refused_with_his_findings(web_store: WebStore) -> None:
    found = judged(web_store, web_store.forged)
    assert found.state is State.REFUSED
    assert {finding.code for finding in found.verdict.findings} == {Code.SIGNER_UNTRUSTED}
    (group,) = found.groups()
    assert len(group) == 5
    assert found.brief == "SIGNER_UNTRUSTED and 4 more"


@pytest.mark.parametrize(
    ("model", "changes", "reason"),
    [("unsigned", {}, "no bundle was found"), ("good", {"trust": None}, "nobody said whose"),
     ("hostile", {}, "no bundle was found")],
)  # fmt: skip
def test_what_nobody_verified_is_not_judged(
    web_store: WebStore, model: str, changes: dict[str, object], reason: str
) -> None:
    found = judged(web_store, getattr(web_store, model), **changes)
    assert found.state is State.NOT_JUDGED
    assert reason in found.reason


def test_what_the_page_shows_must_be_what_was_signed(web_store: WebStore, tmp_path: Path) -> None:
    store = changed(
        web_store, tmp_path / "changed.db",
        "UPDATE ExecutionProperty SET string_value = 'prod' WHERE name = 'namespace'"
        " AND execution_id = (SELECT MIN(execution_id) FROM ExecutionProperty)",
    )  # fmt: skip
    found = judged(store, store.good)
    assert found.state is State.REFUSED
    (finding,) = found.verdict.findings
    assert (finding.code, finding.expected, finding.found) == (
        Code.STORE_STEP_DIFFERS, "team-a", "prod",
    )  # fmt: skip


def test_a_signed_step_that_the_store_lost_is_found(web_store: WebStore, tmp_path: Path) -> None:
    store = changed(
        web_store, tmp_path / "less.db",
        "DELETE FROM Association WHERE execution_id ="
        " (SELECT MIN(execution_id) FROM ExecutionProperty)",
    )  # fmt: skip
    found = judged(store, store.good)
    assert found.state is State.REFUSED
    assert Code.STORE_STEP_MISSING in {finding.code for finding in found.verdict.findings}


def test_a_record_that_cannot_be_read_is_no_pass(web_store: WebStore, tmp_path: Path) -> None:
    store = changed(
        web_store, tmp_path / "corrupt.db",
        "UPDATE ExecutionProperty SET string_value = 'SOMEHOW' WHERE name = 'outcome'",
    )  # fmt: skip
    found = judged(store, store.good)
    assert found.state is State.NOT_JUDGED
    assert {finding.code for finding in found.verdict.findings} == {Code.STORE_CORRUPT}


@pytest.mark.parametrize("data", [b"", b"root:x:0:0\n", None])
def test_other_bytes_in_the_place_of_a_bundle_are_not_looked_into(
    web_store: WebStore, tmp_path: Path, data: bytes | None
) -> None:
    place = tmp_path / "bundle"
    if data is not None:
        place.write_bytes(data)
    store = changed(
        web_store, tmp_path / "moved.db", "UPDATE Artifact SET uri = ? WHERE uri = ?",
        str(place), str(web_store.folder / "run-good.bundle"),
    )  # fmt: skip
    found = judged(store, store.good)
    assert found.state is State.NOT_JUDGED
    assert found.reason == "its bundle could not be read"
    assert found.tried[0].startswith(f"{place}: ")


def test_the_network_is_not_asked_for_what_a_store_names(
    web_store: WebStore, tmp_path: Path
) -> None:
    store = changed(
        web_store, tmp_path / "elsewhere.db", "UPDATE Artifact SET uri = ? WHERE uri = ?",
        "http://127.0.0.1:9/bundle", str(web_store.folder / "run-good.bundle"),
    )  # fmt: skip
    found = judged(store, store.good)
    assert (found.state, found.tried) == (State.NOT_JUDGED, ())


def test_a_folder_of_bundles_is_looked_into(web_store: WebStore, tmp_path: Path) -> None:
    (tmp_path / "notes.sigstore.jsonl").write_text("{}\n")
    shutil.copy(web_store.folder / "run-good.bundle", tmp_path / "any.sigstore.jsonl")
    store = changed(
        web_store, tmp_path / "without.db", "UPDATE Artifact SET uri = '' WHERE uri LIKE '%bundle'"
    )
    assert judged(store, store.good).state is State.NOT_JUDGED
    assert judged(store, store.good, bundles=tmp_path).state is State.PASS
    # it is about one model, and says nothing of another
    assert judged(store, store.unsigned, bundles=tmp_path).reason == "no bundle was found"


def test_a_published_bundle_is_found_by_the_folder_of_its_model(
    web_store: WebStore, tmp_path: Path
) -> None:
    folder = tmp_path / web_store.good.replace(":", "-")
    folder.mkdir()
    shutil.copy(web_store.folder / "run-good.bundle", folder / "x.sigstore.jsonl")
    (found,) = BundleFolder(tmp_path, 10).bundles(web_store.good)
    assert found.parent == folder


def test_evidence_is_not_called_a_model(web_store: WebStore, index: LineageIndex) -> None:
    metrics = next(
        index.artifacts([edge.artifact])[0]
        for edge in index.edges(index.steps_of_run("run-good"))
        if edge.output and edge.name == "metrics"
    )
    found = judged(web_store, metrics.key)
    assert found.state is State.PASS
    assert "signed as evidence (metrics), not as a model" in found.reason
    assert found.brief == "as evidence"


def test_a_signer_who_is_revoked_is_noticed(web_store: WebStore, tmp_path: Path) -> None:
    policy, now = tmp_path / "trust.toml", [0.0]
    shutil.copy(web_store.key, tmp_path / "signer.pub")
    builder = "https://kfp-provenance.dev/builders/in-run/v1"
    signer = f'version = 1\n[[signer]]\nkey = "signer.pub"\nbuilders = ["{builder}"]\n'
    policy.write_text(signer)
    source = TrustSource(lambda: load_trust(policy), clock=lambda: now[0])
    hint = source.current().signers[0].label
    policy.write_text(f'{signer}[revoked]\nkeys = ["{hint}"]\n')
    assert not source.current().revoked.keys
    now[0] = 60.0
    assert source.current().revoked.keys == {hint}
    found = judged(web_store, web_store.good, trust=source.current)
    assert found.state is State.REFUSED


def test_a_policy_that_became_unreadable_is_no_older_policy(
    web_store: WebStore, tmp_path: Path
) -> None:
    found = judged(web_store, web_store.good, trust=lambda: load_trust(tmp_path / "gone.toml"))
    assert found.state is State.NOT_JUDGED
    assert "TRUST_INVALID" in found.reason


def test_signatures_are_checked_once_and_the_store_each_time(
    web_store: WebStore, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from kfp_provenance.web import verdicts

    calls, verify = [], verdicts.verify_bundle
    monkeypatch.setattr(
        verdicts, "verify_bundle", lambda *a, **k: calls.append(1) or verify(*a, **k)
    )
    store = copy_store(web_store, tmp_path / "later.db")
    judge = Judge(settings_for(store))
    with closing(open_index(store.uri)) as index:
        content = content_of(index, store.good)
        assert [judge.judge(index, content).state for _ in range(3)] == [State.PASS] * 3
        assert len(calls) == 1
        with closing(sqlite3.connect(tmp_path / "later.db")) as database:
            database.execute("UPDATE ExecutionProperty SET string_value='x' WHERE name='namespace'")
            database.commit()
        assert judge.judge(index, content).state is State.REFUSED


def test_metrics_are_those_of_the_model(web_store: WebStore, index: LineageIndex) -> None:
    from kfp_provenance.web.settings import Limits

    family = family_of(index, content_of(index, web_store.good), Limits())
    assert [(m.name, m.value) for m in family.metrics()] == [("accuracy", 0.93), ("roc_auc", 0.97)]
    assert family.name == "model"


def test_the_pages_show_the_verdict(page: TestClient, web_store: WebStore) -> None:
    for model, kind in (("good", "good"), ("forged", "bad"), ("unsigned", "open")):
        digest = getattr(web_store, model)
        for address in (f"/models/{digest}", f"/verdicts/{digest}", f"/runs/run-{model}"):
            (badge,) = set(re.findall(r'class="verdict (\w+)"', page.get(address).text))
            assert badge == kind, address
    text = page.get(f"/models/{web_store.good}").text
    assert "The stored bytes of the model were not read again" in text
    assert "signer.pub" in text


def test_nobody_is_trusted_without_being_named(open_page, web_store: WebStore) -> None:
    text = open_page(trust=None).get(f"/models/{web_store.good}").text
    assert "NOT JUDGED" in text
    assert "verdict good" not in text


def test_trust_in_another_key_refuses(web_store: WebStore) -> None:
    other = (web_store.folder / "stranger.pub").read_bytes()
    assert judged(web_store, web_store.forged, trust=lambda: Trust.for_key(other)).state is (
        State.PASS
    )
    assert judged(web_store, web_store.good, trust=lambda: Trust.for_key(other)).state is (
        State.REFUSED
    )
