"""Judgements over bundles, kept by what was judged and by what: never by a URI."""

from __future__ import annotations

import threading
from collections import OrderedDict
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from kfp_provenance.facts import ArtifactKind, Digest
from kfp_provenance.gate.environments import Environment
from kfp_provenance.verify import Observed, Verification, verify_bundle

SIZE: Final = 1024
"""Judgements that are kept, those used last."""
LIFE: Final = timedelta(seconds=60)
"""How long one is used: the age of a bundle and the periods of keys go by the clock."""


@dataclass(frozen=True)
class _Key:
    model: Digest
    kind: ArtifactKind
    bundle: Digest
    trust: Digest
    revocations: Digest


class Verdicts:
    """Judges bundles, each once for a while; for many threads.

    Args:
        size: Judgements to keep.
        life: How long to use one.
    """

    def __init__(self, size: int = SIZE, life: timedelta = LIFE) -> None:
        self._size = size
        self._life = life
        self._known: OrderedDict[_Key, tuple[datetime, Verification]] = OrderedDict()
        self._lock = threading.Lock()
        self.hits = 0
        self.misses = 0

    def verify(
        self,
        bundle: bytes,
        digest: Digest,
        environment: Environment,
        subject: Observed,
        now: datetime,
    ) -> Verification:
        """The judgement of :func:`~kfp_provenance.verify.verify_bundle`.

        Args:
            bundle: The bytes of the bundle file.
            digest: Of exactly these bytes, taken by the caller.
            environment: Whose trust policy to apply.
            subject: Digest and kind of the model.
            now: Time of the judgement.
        """
        revision = environment.trust.revision
        if revision is None:  # nothing to know it by
            return verify_bundle(bundle, environment.trust, subject, now=now)
        key = _Key(subject.digest, subject.kind, digest, revision, environment.revocations)
        with self._lock:
            known = self._known.get(key)
            if known is not None and timedelta(0) <= now - known[0] < self._life:
                self._known.move_to_end(key)
                self.hits += 1
                return known[1]
            self.misses += 1
        found = verify_bundle(bundle, environment.trust, subject, now=now)
        with self._lock:
            self._known[key] = (now, found)
            self._known.move_to_end(key)
            while len(self._known) > self._size:
                self._known.popitem(last=False)
        return found
