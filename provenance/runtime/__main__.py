"""``python -m kfp_provenance.runtime --tracking JSON kfp.dsl.executor_main ...``."""

from __future__ import annotations

import sys

from kfp_provenance.runtime.task import main

if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
