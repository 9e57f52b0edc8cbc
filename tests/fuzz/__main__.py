"""``make fuzz``: mutate, judge, and say in a table what came of it; 1 if anything must not be."""

from __future__ import annotations

import argparse
import os
import secrets
import sys
import time
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor, as_completed
from multiprocessing import get_context
from pathlib import Path

from fuzz.campaign import Tally, judge_one, limited, run
from fuzz.kinds import check_original, every_kind

BATCH = 200
FOLDER = Path("build/fuzz")

_HEAD = f"{'kind':<22}{'mutants':>9}{'refused':>9}{'genuine':>9}{'wrong':>7}{'ms':>9}{'slowest':>9}"
_LEGEND = """\
genuine: a bundle whose signed bytes, order and signers are untouched; a chain that holds, as its
own signer states it; a policy, a root, a statement or a listing that says what was read of it.
wrong: anything else that passed, an error that is not ours, and what took too long."""


def options() -> argparse.Namespace:
    """Of the command line."""
    parser = argparse.ArgumentParser(prog="fuzz", description=__doc__)
    parser.add_argument("--mutations", type=int, default=100_000)
    parser.add_argument("--seed", default="", help="as an earlier run printed it")
    parser.add_argument("--jobs", type=int, default=len(os.sched_getaffinity(0)))
    parser.add_argument("--kind", default="", help="only this kind, or kinds that begin so")
    parser.add_argument("--mutant", type=Path, help="judge this file again; needs --kind")
    return parser.parse_args()


def shares(mutations: int, prefix: str) -> dict[str, int]:
    """How many mutants of each kind; together exactly ``mutations``."""
    kinds = [kind for kind in every_kind().values() if kind.name.startswith(prefix)]
    if not kinds:
        sys.exit(f"no such kind; there are {', '.join(every_kind())}")
    whole = sum(kind.share for kind in kinds)
    found = {kind.name: int(mutations * kind.share / whole) for kind in kinds}
    found[kinds[0].name] += mutations - sum(found.values())
    return found


def batches(counts: dict[str, int]) -> Iterator[tuple[str, range]]:
    """The work in pieces, the slow kinds not all at the end."""
    pieces = [
        (start / count, name, range(start, min(start + BATCH, count)))
        for name, count in counts.items()
        for start in range(0, count, BATCH)
    ]
    for _, name, numbers in sorted(pieces, key=lambda piece: piece[:2]):
        yield name, numbers


def campaign(counts: dict[str, int], seed: str, jobs: int) -> dict[str, Tally]:
    """Judge all of it in several processes."""
    tallies = {name: Tally() for name in counts}
    done, every = 0, sum(counts.values())
    context = get_context("spawn")
    with ProcessPoolExecutor(jobs, mp_context=context, initializer=limited) as pool:
        work = {
            pool.submit(run, name, seed, numbers, FOLDER): name for name, numbers in batches(counts)
        }
        for future in as_completed(work):
            tally = future.result()
            tallies[work[future]].add(tally)
            done += tally.mutants
            if sys.stderr.isatty():
                print(f"\r{done:,} of {every:,}", end="", file=sys.stderr, flush=True)
    return tallies


def table(tallies: dict[str, Tally]) -> str:
    """By kind, then by outcome."""
    lines = [_HEAD]
    whole = Tally()
    for name, tally in [*tallies.items(), ("all", whole)]:
        if name != "all":
            whole.add(tally)
        refused = tally.mutants - tally.accepted - len(tally.violations)
        each = 1000 * tally.seconds / max(tally.mutants, 1)
        lines.append(
            f"{name:<22}{tally.mutants:>9,}{refused:>9,}{tally.accepted:>9,}"
            f"{len(tally.violations):>7}{each:>9.1f}{tally.slowest:>7.1f} s"
        )
    lines += ["", f"{'mutants':>9}  outcome"]
    lines += [f"{count:>9,}  {label}" for label, count in whole.outcomes.most_common()]
    lines += ["", f"{'mutants':>9}  level of the change"]
    lines += [f"{count:>9,}  {level}" for level, count in whole.levels.most_common()]
    return "\n".join([*lines, "", _LEGEND])


def again(kind: str, mutant: Path) -> int:
    """Judge one file."""
    if kind not in every_kind():
        sys.exit(f"--kind is one of {', '.join(every_kind())}")
    label, accepted, problem = judge_one(every_kind()[kind], mutant.read_bytes())
    print(problem or f"{label}{' (accepted)' if accepted else ''}")
    return 1 if problem else 0


def main() -> int:
    """Exit code of the program."""
    given = options()
    if given.mutant is not None:
        return again(given.kind, given.mutant)
    counts = shares(given.mutations, given.kind)
    for name in counts:
        check_original(every_kind()[name])
    seed = given.seed or secrets.token_hex(4)
    print(f"seed {seed}, {given.jobs} processes", flush=True)
    begin = time.monotonic()
    tallies = campaign(counts, seed, given.jobs)
    seconds = time.monotonic() - begin
    mutants = sum(tally.mutants for tally in tallies.values())
    wrong = [violation for tally in tallies.values() for violation in tally.violations]
    print(f"\n{table(tallies)}\n")
    print(f"{mutants:,} mutants in {seconds:.0f} s, {mutants / seconds:,.0f} a second; seed {seed}")
    print(*wrong[:20], sep="\n", end="\n" if wrong else "")
    print(f"{len(wrong)} of them did what must not be")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
