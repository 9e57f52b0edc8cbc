"""``python sign_once.py URI``: open a signer and sign; what came of it, as JSON.

In a process of its own: the libraries of clouds read their environment once.
"""

from __future__ import annotations

import json
import sys

from kfp_provenance.errors import ProvenanceError
from kfp_provenance.signing import KeySigner, open_signer


def main(uri: str) -> None:
    try:
        signer = open_signer(uri)
        assert isinstance(signer, KeySigner)
        envelope = signer.envelope(b"statement", "application/vnd.in-toto+json")
    except ProvenanceError as error:
        print(json.dumps({"code": error.code, "text": error.diagnostics()}))
        return
    (signature,) = envelope.signatures.values()
    made = {"hint": signer.hint, "keyid": signature.keyid, "signature": signature.signature}
    print(json.dumps(made | {"pae": envelope.pae().hex()}))


main(sys.argv[1])
