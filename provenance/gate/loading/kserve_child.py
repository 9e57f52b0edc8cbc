"""The process that runs KServe's downloader. Reads one question, answers once, ends.

Its standard input stays open as long as the loader lives; when it ends, this process and
those that the downloader started end too, so that none writes on after a killed loader.
"""

from __future__ import annotations

import json
import logging
import os
import resource
import signal
import threading
from typing import Any, NoReturn

from kfp_provenance.gate.loading.confining import confine_writing


def main() -> None:
    """Download as standard input says."""
    loader = os.dup(0)
    question = json.loads(_line(loader))
    answers = os.fdopen(os.dup(1), "w", encoding="utf-8")
    os.dup2(2, 1)  # what the libraries print must not be taken for the answer
    os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
    threading.Thread(target=_end_with_loader, args=(loader,), daemon=True).start()
    _limit_files(question["limit"])
    logging.disable()  # it logs its configuration and URIs, with the passwords in them
    confine_writing([question["directory"], *question["scratch"]])
    answer: dict[str, object]
    try:
        _download(question["uri"], question["directory"])
        answer = {"done": True}
    except Exception as error:  # noqa: BLE001 - whatever its clients raise is the answer
        answer = {"error": f"{type(error).__name__}: {error}"[:2000]}
    json.dump(answer, answers)
    answers.flush()
    os._exit(0)  # threads of the clients are not waited for


def _download(uri: str, directory: str) -> None:
    from kserve_storage import Storage  # noqa: PLC0415 - loads every cloud's client

    _leave_archives_packed(Storage)
    Storage.download(uri, directory)


def _limit_files(size: int) -> None:
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    most = min([size, *(limit for limit in (soft, hard) if limit != resource.RLIM_INFINITY)])
    resource.setrlimit(resource.RLIMIT_FSIZE, (most, most))


def _leave_archives_packed(downloader: Any) -> None:
    """An archive is hashed as it was published, and unpacked only when it was verified."""
    if not callable(getattr(downloader, "_unpack_archive_file", None)):
        message = "this version of kserve-storage unpacks archives in a way that is not known"
        raise RuntimeError(message)  # noqa: TRY004 - not of a caller's argument

    def leave(_path: str, _type: str, directory: str | None = None) -> str | None:
        return directory

    downloader._unpack_archive_file = staticmethod(leave)  # noqa: SLF001


def _line(descriptor: int) -> bytes:
    line = b""
    while not line.endswith(b"\n") and (block := os.read(descriptor, 4096)):
        line += block
    return line


def _end_with_loader(loader: int) -> NoReturn:
    # Not through sys.stdin: its lock, held here for ever, would be held in forked processes too.
    while os.read(loader, 4096):
        pass
    os.killpg(0, signal.SIGKILL)
    raise SystemExit


if __name__ == "__main__":
    main()
