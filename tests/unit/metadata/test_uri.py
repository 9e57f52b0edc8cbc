from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kfp_provenance.codes import Code
from kfp_provenance.errors import StoreError
from kfp_provenance.metadata import StoreScheme, StoreUri, init_store, open_reader, open_recorder


def test_sqlite(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    for text, path in (
        ("sqlite:/a/b.db", Path("/a/b.db")),
        ("sqlite:b.db", tmp_path / "b.db"),
        ("sqlite:./c/../b.db", tmp_path / "b.db"),
        ("sqlite:/a/with blank?mode=memory#x%41.db", Path("/a/with blank?mode=memory#x%41.db")),
        ("sqlite:file:x.db", tmp_path / "file:x.db"),
    ):
        uri = StoreUri.parse(text)
        assert (uri.scheme, uri.path) == (StoreScheme.SQLITE, path)
        assert str(uri) == f"sqlite:{path}"


def test_servers() -> None:
    mysql = StoreUri.parse("mysql://kprov@db.example-1.org:3306/meta_1")
    assert (mysql.user, mysql.host, mysql.port, mysql.database) == (
        "kprov",
        "db.example-1.org",
        3306,
        "meta_1",
    )
    assert StoreUri.parse("grpc://[::1]:8080").host == "::1"
    tls = StoreUri.parse("grpcs://h:1?ca=/ca.pem&cert=/c.pem&key=/k.pem")
    assert (tls.ca, tls.cert, tls.key) == (Path("/ca.pem"), Path("/c.pem"), Path("/k.pem"))
    assert StoreUri.parse("grpcs://h:1").ca is None


@pytest.mark.parametrize(
    "text",
    [
        "sqlite:/a/b.db",
        "mysql://u@h:3306/d",
        "mysql://u@[::1]:3306/d",
        "grpc://h:8080",
        "grpcs://[fe80::1]:1?ca=/ca.pem&cert=/c&key=/k",
    ],
)
def test_its_text_is_the_uri(text: str) -> None:
    assert str(StoreUri.parse(text)) == text
    assert StoreUri.parse(str(StoreUri.parse(text))) == StoreUri.parse(text)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "sqlite",
        "sqlite:",
        "sqlite:folder/",
        "sqlite:///relative/in/other/tools.db",
        "sqlite:~/m.db",
        "sqlite::memory:",
        "sqlite:a\nb",
        "sqlite:a\0b",
        "sqlite:\ud800",
        "sqlite:" + "x" * 5000,
        "mysql:u@h:1/d",
        "mysql://h:1/d",
        "mysql://@h:1/d",
        "mysql://u@h/d",
        "mysql://u@:1/d",
        "mysql://u@h:0/d",
        "mysql://u@h:65536/d",
        "mysql://u@h:1",
        "mysql://u@h:1/",
        "mysql://u@h:1/a-b",
        "mysql://u@h:1/a`; DROP DATABASE x; --",
        "mysql://u@h:1/d?x=y",
        "mysql://u@h:1/d/e",
        "mysql://u@h:1/é",
        "mysql://u@a@h:1/d",
        "mysql://u@-h:1/d",
        "mysql://u@h;x:1/d",
        "grpc://h",
        "grpc://u@h:1",
        "grpc://h:1/path",
        "grpc://h:1?ca=x",
        "grpc:///h:1",
        "grpc://h:\u0661",
        "grpcs://h:1?ca=",
        "grpcs://h:1?x=y",
        "grpcs://h:1?ca=a&ca=b",
        "grpcs://h:1?cert=a",
        "grpcs://h:1?key=a",
    ],
)
def test_refused(text: str) -> None:
    with pytest.raises(StoreError) as raised:
        StoreUri.parse(text)
    assert raised.value.code is Code.STORE_URI_INVALID
    assert raised.value.remedy


@pytest.mark.parametrize("text", ["postgresql://u@h:1/d", "postgres://u:s3cret@h/d"])
def test_postgresql_is_refused_with_the_reason(text: str) -> None:
    for opened in (StoreUri.parse, open_recorder, open_reader, init_store):
        with pytest.raises(StoreError, match="backslash inject SQL") as raised:
            opened(text)
        assert raised.value.code is Code.STORE_UNSUPPORTED
        assert "s3cret" not in str(raised.value)


@pytest.mark.parametrize("text", ["redis://h:1", "SQLITE:a", "file:a", "s3cret@x:y", "a b:c"])
def test_other_schemes(text: str) -> None:
    with pytest.raises(StoreError) as raised:
        StoreUri.parse(text)
    assert raised.value.code is Code.STORE_UNSUPPORTED
    assert "s3cret" not in str(raised.value)


@pytest.mark.parametrize(
    "text",
    [
        "mysql://u:s3cret@h:1/d",
        "mysql://u:s3cret@@h:1/d",
        "mysql://u:s3/cret@h:1/d",
        "mysql://:s3cret@h:1/d",
        "grpc://u:s3cret@h:1",
        "grpcs://u:s3cret@h:1?ca=x",
        "grpcs://h:1?password=s3cret",
    ],
)
def test_a_password_is_refused_and_not_shown(text: str) -> None:
    with pytest.raises(StoreError) as raised:
        StoreUri.parse(text)
    assert raised.value.code is Code.STORE_URI_INVALID
    assert "s3cret" not in str(raised.value)
    assert "s3cret" not in repr(raised.value.to_json())


@given(
    st.sampled_from(["mysql://", "grpc://", "grpcs://"]),
    st.text(st.characters(codec="ascii"), max_size=30),
)
def test_what_passes_is_narrow(scheme: str, rest: str) -> None:
    """Nothing reaches MLMD's configuration that could end the process or its SQL."""
    try:
        uri = StoreUri.parse(scheme + rest)
    except StoreError:
        return
    assert uri.host
    assert 1 <= uri.port <= 65535
    assert all(c.isalnum() or c in "-.:" for c in uri.host)
    assert all(c.isalnum() or c == "_" for c in uri.database)
    assert bool(uri.database) is bool(uri.user) is (scheme == "mysql://")
