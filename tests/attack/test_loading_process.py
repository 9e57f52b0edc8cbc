"""The loader as a process, with what the system can deny it, and what it tells the kubelet."""

from __future__ import annotations

import json
import resource
import socket
import subprocess
import sys
from pathlib import Path

import pytest

from kfp_provenance.audit import find_decisions
from kfp_provenance.codes import Code
from support.command_line import debian_program
from support.interop import absent
from support.loading import MODEL, LoadingDesk, listed, web_server
from support.processes import isolated

FILES = {f"part-{number}": bytes([number]) * 20_000 for number in range(4)}


@pytest.fixture
def desk(tmp_path: Path) -> LoadingDesk:
    return LoadingDesk(tmp_path / "desk")


def run(
    desk: LoadingDesk,
    *words: object,
    before: tuple[str, ...] = (),
    key: bool = True,
    **variables: str,
) -> subprocess.CompletedProcess[str]:
    command = [
        *before,
        sys.executable,
        "-m",
        "kfp_provenance",
        "gate",
        "load",
        *map(str, words),
        *(("--key", str(desk.key)) if key else ()),
    ]
    return subprocess.run(
        command,
        cwd=desk.folder,
        env=isolated(
            desk.folder / "home",
            KPROV_TERMINATION_LOG=str(desk.folder / "termination-log"),
            **variables,
        ),
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )


def reason(desk: LoadingDesk) -> dict[str, str]:
    message = json.loads((desk.folder / "termination-log").read_text())
    assert isinstance(message, dict)
    return message


def test_the_reason_is_in_the_termination_message(desk: LoadingDesk) -> None:
    published = desk.publish(desk.file())
    done = run(desk, published.model_uri, desk.target())
    assert done.returncode == 0, done.stderr
    assert reason(desk)["decision"] == "allowed"
    Path(published.model_uri).write_bytes(b"evil")
    done = run(desk, published.model_uri, desk.target())
    assert done.returncode == 1
    said = reason(desk)
    assert (said["decision"], said["code"]) == ("refused", "OBJECT_DIGEST_MISMATCH")
    assert said["expected"].startswith("file sha256:")
    assert said["found"].startswith("file sha256:")
    assert said["remedy"]
    assert "OBJECT_DIGEST_MISMATCH" in done.stderr
    assert "Traceback" not in done.stderr
    assert listed(desk.target()) == {}


def test_every_decision_is_in_the_audit_trail(desk: LoadingDesk) -> None:
    published = desk.publish(desk.file())
    trail = desk.folder / "trail"
    assert run(desk, published.model_uri, desk.target(), KPROV_AUDIT=str(trail)).returncode == 0
    Path(published.model_uri).write_bytes(b"evil")
    assert run(desk, published.model_uri, desk.target(), KPROV_AUDIT=str(trail)).returncode == 1
    found = find_decisions(str(trail), namespace="", name=socket.gethostname())
    outcomes = {one.record.outcome.value: one.record for one in found}
    assert set(outcomes) == {"allowed", "refused"}
    assert outcomes["refused"].findings[0].code is Code.OBJECT_DIGEST_MISMATCH
    assert outcomes["allowed"].models[0].model_digest is not None


@pytest.mark.parametrize(
    "setting",
    [
        {"KPROV_AUDIT": "/dev/null/trail"},
        {"KPROV_VERIFICATION": "{"},
        {"KPROV_LOAD_MAX_BYTES": "much"},
        {"VERIFICATION_DIGEST": "0" * 64},
    ],
    ids=str,
)
def test_whatever_refuses_leaves_nothing_of_an_earlier_load(
    desk: LoadingDesk, setting: dict[str, str]
) -> None:
    published = desk.publish(desk.file())
    desk.target().mkdir()
    (desk.target() / "model.skops").write_bytes(b"of an earlier try")
    done = run(desk, published.model_uri, desk.target(), **setting)
    assert done.returncode in (1, 2)
    assert reason(desk)["decision"] == "refused"
    assert listed(desk.target()) == {}


def test_a_policy_of_the_gate_decides_by_namespace(desk: LoadingDesk) -> None:
    published = desk.publish(desk.file())
    trust = '[[signer]]\nkey = "signer.pub"\nbuilders = ["https://kfp-provenance.dev/builders/in-run/v1"]\n'
    (desk.folder / "trust.toml").write_text(f"version = 1\n{trust}")
    policy = desk.folder / "gate.toml"
    text = """version = 1
[[environment]]
name = "production"
namespaces = ["fraud"]
trust = "trust.toml"
sources = ["SOURCE/"]
"""
    for source, namespace, code in (
        (desk.storage, "fraud", 0),
        (desk.storage, "other", 2),
        ("gs://models", "fraud", 1),
    ):
        policy.write_text(text.replace("SOURCE", str(source)))
        done = run(
            desk,
            published.model_uri,
            desk.target(),
            key=False,
            KPROV_POLICY=str(policy),
            KPROV_NAMESPACE=namespace,
        )
        assert done.returncode == code, done.stderr
        assert bool(listed(desk.target())) is (code == 0)


def test_no_secret_of_a_uri_is_shown(desk: LoadingDesk) -> None:
    with web_server({}) as server:
        uri = f"{server.address}/sha256-{'a' * 64}/m?X-Signature=hunter2"
        block = json.dumps({uri: {"signature": {"bundle": f"{server.address}/b?sig=hunter2"}}})
        done = run(desk, uri, desk.target(), KPROV_VERIFICATION=block)
    assert done.returncode == 2
    assert "hunter2" not in done.stdout + done.stderr + json.dumps(reason(desk))


def test_a_file_that_may_not_grow(desk: LoadingDesk) -> None:
    """RLIMIT_FSIZE stands for a quota: the error comes while the bytes are written."""
    published = desk.publish(desk.file("m", MODEL * 8))
    small = f"--fsize={len(MODEL)}"
    done = run(desk, published.model_uri, desk.target(), before=(debian_program("prlimit"), small))
    assert done.returncode == 2
    assert reason(desk)["code"] == "LOAD_TARGET_FULL"
    assert listed(desk.target()) == {}
    assert resource.getrlimit(resource.RLIMIT_FSIZE)[0] == resource.RLIM_INFINITY


_MOUNTED = 'mount -t tmpfs -o size="$1" tmpfs "$2"; shift 2; "$@"; code=$?; ls -A "$0"; exit $code'


def on_tmpfs(size: str, target: Path) -> tuple[str, ...]:
    """What runs a program with a small file system mounted at the target, and lists it then."""
    start = (debian_program("unshare"), "--mount", "--map-root-user")
    if subprocess.run([*start, "true"], capture_output=True, check=False).returncode != 0:
        absent("this user may not mount in a namespace of its own (unshare --mount)")
    target.mkdir(parents=True, exist_ok=True)
    return (*start, "sh", "-c", _MOUNTED, str(target), size, str(target))


def test_a_target_that_is_a_mount_as_kserve_has_it(desk: LoadingDesk) -> None:
    published = desk.publish(desk.directory(FILES))
    before = on_tmpfs("8m", desk.target())
    done = run(desk, published.model_uri, desk.target(), before=before)
    assert done.returncode == 0, done.stderr
    assert done.stdout.split("\n")[1:-1] == sorted(FILES)


@pytest.mark.parametrize("known", [True, False], ids=["known size", "unknown size"])
def test_a_volume_that_is_full(desk: LoadingDesk, *, known: bool) -> None:
    published = desk.publish(desk.file("m", MODEL * 100))
    files = {"/m": MODEL * 100, "/b": Path(published.bundle_uri).read_bytes()}
    before = on_tmpfs("1m", desk.target())
    with web_server(files) as server:
        uri = published.model_uri if known else f"{server.address}/m"
        block = {uri: {"signature": {"bundle": published.bundle_uri}}}
        done = run(desk, uri, desk.target(), before=before, KPROV_VERIFICATION=json.dumps(block))
    assert done.returncode == 2, done.stderr
    assert reason(desk)["code"] == "LOAD_TARGET_FULL"
    assert done.stdout == ""  # nothing is left on it
