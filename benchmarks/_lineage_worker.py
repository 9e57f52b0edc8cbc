"""Answer questions about one store, by our lineage or by MLMD's own client.

    _lineage_worker.py (kfp-provenance|frames|MLMD) FILE

A process of its own for each: the two carry a copy of SQLite each, which must not open one
file in one process, and the memory of one is not to count for the other. Reads a line of JSON
for each question, ``[question, digest]``, and answers with one: the seconds it took, how many
steps (or rows) were found, and the peak of memory so far.
"""

from __future__ import annotations

import json
import re
import sys
import time
from collections.abc import Callable
from pathlib import Path

Answer = Callable[[str, str], int]


def ours(path: str) -> Answer:
    """Our graph, impact and rows of an artifact, as ``kprov`` prints them."""
    from kfp_provenance import Lineage
    from kfp_provenance.lineage.references import find

    lineage = Lineage.open(f"sqlite:{path}")

    def answer(question: str, digest: str) -> int:
        if question == "trace":
            return len(lineage.graph(digest).steps)
        if question == "impact":
            return lineage.summary(digest).steps
        return len(lineage.index.artifacts(find(lineage.index, digest).rows))

    return answer


def frames(path: str) -> Answer:
    """The same as pandas frames, as analysts ask for it."""
    from kfp_provenance import Lineage

    lineage = Lineage.open(f"sqlite:{path}")

    def answer(question: str, digest: str) -> int:
        if question == "impact":
            return int(lineage.impact(digest).attrs["steps"])
        return len(lineage.trace(digest)[["run", "task"]].dropna().drop_duplicates())

    return answer


def mlmd(path: str) -> Answer:
    """MLMD's way to the same: it starts from all rows with the digest, too."""
    from ml_metadata import metadata_store
    from ml_metadata.proto import metadata_store_pb2 as pb

    config = pb.ConnectionConfig()
    config.sqlite.filename_uri = path
    config.sqlite.connection_mode = pb.SqliteMetadataSourceConfig.READONLY
    store = metadata_store.MetadataStore(config)
    kind = pb.LineageSubgraphQueryOptions
    directions = {"trace": kind.UPSTREAM, "impact": kind.DOWNSTREAM}

    def answer(question: str, digest: str) -> int:
        query = f"properties.digest.string_value = '{digest}'"
        if question not in directions:
            return len(store.get_artifacts(metadata_store.ListOptions(filter_query=query)))
        options = kind(
            starting_artifacts=kind.StartingNodes(filter_query=query),
            max_num_hops=100,  # it goes no further, whatever is asked for
            direction=directions[question],
        )
        # contexts would cost it more, and we do not return them either
        fields = ["artifacts", "executions", "events"]
        return len(store.get_lineage_subgraph(options, fields).executions)

    return answer


def peak_megabytes() -> int:
    """Most memory that this process had.

    ``ru_maxrss`` would begin with that of the process that started this one.
    """
    found = re.search(r"VmHWM:\s*(\d+) kB", Path("/proc/self/status").read_text())
    assert found
    return int(found[1]) // 1024


def main() -> None:
    answer = {"kfp-provenance": ours, "frames": frames, "MLMD": mlmd}[sys.argv[1]](sys.argv[2])
    print(json.dumps({"peak": peak_megabytes()}), flush=True)
    for line in sys.stdin:
        question, digest = json.loads(line)
        start = time.perf_counter()
        found = answer(question, digest)
        seconds = time.perf_counter() - start
        said = {"seconds": seconds, "found": found, "peak": peak_megabytes()}
        print(json.dumps(said), flush=True)


if __name__ == "__main__":
    main()
