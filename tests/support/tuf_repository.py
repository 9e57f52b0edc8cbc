"""A real TUF repository, made with python-tuf, and the server on loopback that hands it out."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread

from securesystemslib.signer import CryptoSigner
from tuf.api.metadata import (
    Metadata,
    MetaFile,
    Root,
    Signed,
    Snapshot,
    TargetFile,
    Targets,
    Timestamp,
)

_ROLES = ("root", "timestamp", "snapshot", "targets")
A_DAY = timedelta(days=1)


@dataclass
class TufRepository:
    """One key signs every role; the repository is published anew as often as one likes.

    Attributes:
        folder: Empty; what the server hands out.
        key: Signs now.
        version: Of all metadata but the root's, as last published.
    """

    folder: Path
    key: CryptoSigner = field(default_factory=CryptoSigner.generate_ecdsa, repr=False)
    version: int = 0
    _root: Root = field(default_factory=lambda: Root(consistent_snapshot=True))

    def __post_init__(self) -> None:
        for role in _ROLES:
            self._root.add_key(self.key.public_key, role)
        self._root.expires = _after(365 * A_DAY)
        self._write(self._root, "1.root.json", self.key)

    @property
    def first_root(self) -> Path:
        """What a client believes first; handed over by another way."""
        return self.folder / "1.root.json"

    def rotate_root(self) -> None:
        """A new key for every role, in a new root that the old key signs too."""
        old, self.key = self.key, CryptoSigner.generate_ecdsa()
        self._root.version += 1
        for role in _ROLES:
            self._root.revoke_key(old.public_key.keyid, role)
            self._root.add_key(self.key.public_key, role)
        self._write(self._root, f"{self._root.version}.root.json", old, self.key)

    def publish(
        self,
        files: Mapping[str, bytes],
        *,
        lifetime: timedelta = A_DAY,
        key: CryptoSigner | None = None,
    ) -> None:
        """Publish these files and no others.

        Args:
            files: Bytes of each target by its name.
            lifetime: Until the metadata expires, from now.
            key: Signs in place of the repository's own.
        """
        self.version += 1
        version, expires, signer = self.version, _after(lifetime), key or self.key
        targets = Targets(version, expires=expires)
        for name, data in files.items():
            target = TargetFile.from_data(name, data, ["sha256"])
            targets.targets[name] = target
            path = self.folder / "targets" / f"{target.hashes['sha256']}.{name}"
            path.parent.mkdir(exist_ok=True)
            path.write_bytes(data)
        snapshot = Snapshot(version, expires=expires, meta={"targets.json": MetaFile(version)})
        timestamp = Timestamp(version, expires=expires, snapshot_meta=MetaFile(version))
        self._write(targets, f"{version}.targets.json", signer)
        self._write(snapshot, f"{version}.snapshot.json", signer)
        self._write(timestamp, "timestamp.json", signer)

    def _write(self, signed: Signed, name: str, *signers: CryptoSigner) -> None:
        metadata = Metadata(signed)
        for signer in signers:
            metadata.sign(signer, append=True)
        metadata.to_file(str(self.folder / name))


def _after(lifetime: timedelta) -> datetime:
    return datetime.now(UTC).replace(microsecond=0) + lifetime


@contextmanager
def serving(folder: Path) -> Iterator[str]:
    """Hand out a folder from a thread; its address."""

    class Files(SimpleHTTPRequestHandler):
        def log_message(self, *arguments: object) -> None:
            """Say nothing."""

    with ThreadingHTTPServer(("127.0.0.1", 0), partial(Files, directory=str(folder))) as server:
        thread = Thread(target=server.serve_forever, daemon=True)
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.server_port}"
        finally:
            server.shutdown()
            thread.join()
