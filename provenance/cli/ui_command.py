"""``kprov ui`` and ``kprov export``."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from kfp_provenance.cli.output import StoreOption
from kfp_provenance.cli.trust_options import (
    IdentityOption,
    IssuerOption,
    KeyOption,
    RootOption,
    TrustOption,
    trust_of,
)
from kfp_provenance.codes import Code
from kfp_provenance.errors import SettingsError

if TYPE_CHECKING:
    from kfp_provenance.verify import Trust
    from kfp_provenance.web import WebSettings

BundlesOption = Annotated[
    Path | None,
    typer.Option(help="Folder with bundles, besides those that the store knows."),
]


def register(app: typer.Typer) -> None:
    """Add the commands to ``app``."""
    app.command("ui")(ui)
    app.command("export")(export)


def ui(
    *,
    host: Annotated[str, typer.Option(help="Address to listen at.")] = "127.0.0.1",
    port: Annotated[int, typer.Option(min=0, max=65535, help="Port; 0 takes a free one.")] = 8765,
    allow_host: Annotated[
        list[str] | None,
        typer.Option(help="Another name by which browsers may call the page; again for more."),
    ] = None,
    bundles: BundlesOption = None,
    key: KeyOption = None,
    trust: TrustOption = None,
    identity: IdentityOption = "",
    issuer: IssuerOption = "",
    trusted_root: RootOption = "",
    store: StoreOption = "",
) -> None:
    """Show runs, models, their lineage and verdicts as a web page, read-only."""
    from kfp_provenance.metadata import open_index
    from kfp_provenance.settings import store_setting

    try:
        from kfp_provenance.web.app import create_app
        from kfp_provenance.web.server import serve
    except ImportError as error:
        raise _missing(error) from error
    uri = store_setting(store)
    settings = _settings(
        _trust_factory(key, trust, identity, issuer, trusted_root), bundles, host, allow_host or []
    )
    open_index(uri).close()  # a store that cannot be read is said here and not on every page

    def ready(address: str) -> None:
        typer.echo(f"{address}  shows {uri}, read-only; Ctrl-C ends it")
        if settings.trust is None:
            typer.echo("no model is judged: give --trust FILE or --key PEM")
        if host not in ("127.0.0.1", "::1", "localhost"):
            typer.echo("warning: whoever reaches this address can read the whole store", err=True)

    serve(create_app(lambda: open_index(uri), settings), host, port, ready)


def export(
    reference: Annotated[
        str, typer.Argument(metavar="REF", help="Path, digest, URI or RUN/TASK/OUTPUT.")
    ],
    *,
    output: Annotated[Path, typer.Option("--output", "-o", help="The HTML file to write.")],
    bundles: BundlesOption = None,
    key: KeyOption = None,
    trust: TrustOption = None,
    identity: IdentityOption = "",
    issuer: IssuerOption = "",
    trusted_root: RootOption = "",
    store: StoreOption = "",
) -> None:
    """Write the lineage and the verdict of an artifact as one HTML file that opens offline."""
    from kfp_provenance.lineage.references import find
    from kfp_provenance.metadata import open_index
    from kfp_provenance.settings import store_setting
    from kfp_provenance.web.export import export_page
    from kfp_provenance.web.pool import IndexPool
    from kfp_provenance.web.references import content_of
    from kfp_provenance.web.site import Site
    from kfp_provenance.web.verdicts import Judge

    uri = store_setting(store)
    factory = _trust_factory(key, trust, identity, issuer, trusted_root)
    settings = _settings(factory, bundles, "", [])
    site = Site(settings, IndexPool(lambda: open_index(uri), 1), Judge(settings))
    with closing(site.pool), site.index() as index:
        found = index.artifacts(find(index, reference).rows[-1:])
        text = export_page(index, content_of(index, found[0].key), site)
    output.write_text(text, encoding="utf-8")
    typer.echo(f"{output}  {len(text.encode()) / 1e6:.2f} MB, opens offline")


def _settings(
    trust: Callable[[], Trust] | None, bundles: Path | None, host: str, names: list[str]
) -> WebSettings:
    from kfp_provenance.web.settings import LOOPBACK, WebSettings

    if bundles is not None and not bundles.is_dir():
        raise SettingsError(
            Code.USAGE,
            "there is no such folder of bundles",
            where=str(bundles),
            remedy="name a folder with .sigstore.jsonl files, or published models",
        )
    own = f"[{host}]" if ":" in host and not host.startswith("[") else host
    hosts = frozenset(name for name in (*LOOPBACK, own, *names) if name)
    return WebSettings(trust=trust, bundles=bundles, hosts=hosts)


def _trust_factory(
    key: Path | None, trust: Path | None, identity: str, issuer: str, trusted_root: str
) -> Callable[[], Trust] | None:
    """Reads the policy anew each time; the first time now, so that a mistake is said now."""
    if key is None and trust is None and not identity and not issuer:
        return None

    def read() -> Trust:
        return trust_of(key, trust, identity, issuer, trusted_root)

    read()
    return read


def _missing(error: ImportError) -> SettingsError:
    return SettingsError(
        Code.DEPENDENCY_MISSING,
        "the web page needs FastAPI and uvicorn",
        found=str(error),
        remedy="pip install 'kfp-provenance[ui]'",
    )
