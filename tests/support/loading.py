"""Published models of real bytes, and the loader that is to put them in place."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import partial
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

from kfp_provenance.facts import Artifact, Digest
from kfp_provenance.gate import Decision, Environment, GatePolicy, Place, PromotionRule, Request
from kfp_provenance.gate.loading import (
    Limits,
    Loaded,
    Rules,
    emptied_targets,
    load_models,
    parse_request,
    parse_targets,
)
from kfp_provenance.hashing import hash_path
from kfp_provenance.publishing import Published, publish_model
from kfp_provenance.signing import KeySigner
from kfp_provenance.verify import Trust
from support.chains import MemoryReader, Recorded, RunBuilder, key_pair, read, signed, source

REQUEST = Request(Place.LOAD, "uid-1", operation="load", kind="Pod", namespace="fraud", name="p")
MODEL = b"weights " * 4096
LONG = "m" * 201
"""A target whose staging folder has no room beside it, so that it is inside."""


def signed_model(model: Path, signer: KeySigner) -> bytes:
    """The bundle of a chain that ends in what is at ``model``."""
    content = hash_path(model)
    made = Artifact(content.digest, f"gs://bucket/{model.name}", content.kind, content.size)
    build = RunBuilder()
    ingest = build.step("ingest", inputs=[source(b"raw")], outputs={"table": b"table"})
    train = build.step("train", inputs=[read(ingest, "table")], outputs={"model": made})
    run = Recorded(MemoryReader(build.steps), (read(train, "model"),))
    return signed(run.chain(), signer, now=datetime.now(UTC))


@dataclass
class LoadingDesk:
    """A publisher with its key, a storage of files, and a volume to load into."""

    folder: Path
    limits: Limits = field(default_factory=Limits)

    def __post_init__(self) -> None:
        self.folder.mkdir(parents=True, exist_ok=True)
        self.signer, self.public = key_pair(self.folder)
        self.stranger, _ = key_pair(self.folder, "stranger")
        self.trust = Trust.for_key(self.public)
        self.storage = self.folder / "storage"
        self.volume = self.folder / "volume"
        self.volume.mkdir()
        self.records: list[Decision] = []

    @property
    def key(self) -> Path:
        return self.folder / "signer.pub"

    def file(self, name: str = "model.skops", data: bytes = MODEL) -> Path:
        path = self.folder / "made" / name
        path.parent.mkdir(exist_ok=True)
        path.write_bytes(data)
        return path

    def directory(self, files: dict[str, bytes], name: str = "model") -> Path:
        root = self.folder / "made" / name
        for path, data in files.items():
            (root / path).parent.mkdir(parents=True, exist_ok=True)
            (root / path).write_bytes(data)
        return root

    def publish(
        self, model: Path, destination: str = "", signer: KeySigner | None = None
    ) -> Published:
        """By the project's own publisher; a stranger's bundle goes around it."""
        bundle = self.folder / f"{model.name}.sigstore.jsonl"
        bundle.write_bytes(signed_model(model, self.signer))
        published = publish_model(
            model,
            bundle,
            destination=destination or str(self.storage),
            name="model",
            trust=self.trust,
        )
        if signer is not None:
            Path(published.bundle_uri).write_bytes(signed_model(model, signer))
        return published

    def target(self, name: str = "model") -> Path:
        return self.volume / name

    def load(
        self,
        *words: object,
        environ: dict[str, str] | None = None,
        say: Callable[[str], None] = lambda _: None,
        record: Callable[[Decision], None] | None = None,
        trust: Trust | None = None,
        sources: tuple[str, ...] = ("",),
        promotion: PromotionRule | None = None,
    ) -> tuple[Loaded, ...]:
        environment = Environment(
            "production",
            frozenset({"fraud"}),
            trust or self.trust,
            sources,
            promotion or PromotionRule(),
        )
        policy = GatePolicy((environment,), Digest("a" * 64))
        models = [str(word) for word in words]
        with emptied_targets(parse_targets(models)) as targets:
            return load_models(
                REQUEST,
                parse_request(models, environ or {}),
                targets,
                Rules(policy, environment, self.limits, datetime.now(UTC)),
                say=say,
                record=record or self.records.append,
            )


def listed(root: Path) -> dict[str, bytes]:
    """Everything below a directory, hidden or not; links are not followed."""
    return {
        str(path.relative_to(root)): path.read_bytes() if path.is_file() else b"?"
        for path in root.rglob("*")
        if path.is_symlink() or not path.is_dir()
    }


def is_clean(volume: Path) -> bool:
    """Whether no folder of a loader is left anywhere on the volume."""
    return not [path for path in volume.rglob("*") if "kprov-load" in path.name]


@dataclass
class WebServer:
    """Serves bytes; ``before`` is told of each block before it goes out."""

    files: dict[str, bytes]
    before: Callable[[str, int], None] = lambda _path, _sent: None
    block: int = 64 * 1024
    address: str = ""
    asked: list[str] = field(default_factory=list)


class _Handler(BaseHTTPRequestHandler):
    def __init__(self, served: WebServer, *arguments: object) -> None:
        self._served = served
        super().__init__(*arguments)  # type: ignore[arg-type]

    def do_GET(self) -> None:
        path = self.path.partition("?")[0]
        self._served.asked.append(self.path)
        data = self._served.files.get(path)
        self.send_response(404 if data is None else 200)
        self.send_header("Content-Length", str(len(data or b"")))
        self.end_headers()
        for start in range(0, len(data or b""), self._served.block):
            self._served.before(path, start)
            data = self._served.files[path]  # as it is now: it may have been swapped
            self.wfile.write(data[start : start + self._served.block])

    def log_message(self, *_: object) -> None:
        """Silent."""


@contextmanager
def web_server(files: dict[str, bytes]) -> Iterator[WebServer]:
    """A web server on a free port of this machine."""
    served = WebServer(files)
    with ThreadingHTTPServer(("127.0.0.1", 0), partial(_Handler, served)) as server:
        server.daemon_threads = True
        thread = threading.Thread(target=server.serve_forever, daemon=True)
        thread.start()
        served.address = f"http://127.0.0.1:{server.server_address[1]}"
        try:
            yield served
        finally:
            server.shutdown()
            thread.join()
