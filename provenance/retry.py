"""Try again what failed because of others: another writer, a service that is busy.

The first waits are for a lock of SQLite or a deadlock of MySQL, which is gone after a few
milliseconds; MLMD itself waits two seconds on average before each retry.
"""

from __future__ import annotations

import random
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeVar

_Result = TypeVar("_Result")


@dataclass(frozen=True)
class Patience:
    """How long to try.

    Attributes:
        total: Seconds after which the last error is raised.
        first: Longest wait before the second try, in seconds; doubled each time.
        cap: Longest wait, in seconds.
        clock: Seconds, monotonic.
        sleep: Waits for so many seconds.
    """

    total: float = 30.0
    first: float = 0.005
    cap: float = 1.0
    clock: Callable[[], float] = time.monotonic
    sleep: Callable[[float], None] = time.sleep

    def retry(
        self,
        action: Callable[[], _Result],
        errors: type[Exception] | tuple[type[Exception], ...],
        again: Callable[[Exception], bool] = lambda _: True,
    ) -> _Result:
        """Result of ``action``, tried again after ``errors`` for which ``again`` is true."""
        end = self.clock() + self.total
        wait = self.first
        while True:
            try:
                return action()
            except errors as error:
                pause = wait * random.uniform(0.5, 1.0)  # noqa: S311 - spreads writers
                if not again(error) or self.clock() + pause > end:
                    raise
            self.sleep(pause)
            wait = min(2 * wait, self.cap)
