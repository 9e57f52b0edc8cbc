"""``python -m kfp_provenance``: the same as ``kprov``."""

from __future__ import annotations

from kfp_provenance.cli import main

if __name__ == "__main__":
    main()
