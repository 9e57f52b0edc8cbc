"""``python -m kfp_provenance.runtime --tracking JSON kfp.dsl.executor_main ...``."""

from __future__ import annotations

import sys

from kfp_provenance.runtime.recording import RecorderProcess

if __name__ == "__main__":
    recorder = RecorderProcess()  # before all other imports: it takes longest to begin
    from kfp_provenance.runtime.task import main

    sys.exit(main(sys.argv[1:], recorder))
