"""What ``kprov trust show`` says of a root of trust that does not name everything."""

from __future__ import annotations

import base64
import json

from kfp_provenance.cli.trust_roots import describe_root
from kfp_provenance.verify.sigstore_root import SigstoreRoot

KEY = base64.b64encode(b"key").decode()
PERIOD = {"start": "2020-01-01T00:00:00Z"}


def root(authority: dict[str, object]) -> SigstoreRoot:
    chain = {"certificates": [{"rawBytes": KEY}]}
    text = {
        "mediaType": "application/vnd.dev.sigstore.trustedroot+json;version=0.1",
        "certificateAuthorities": [{"certChain": chain, "validFor": PERIOD, **authority}],
        "tlogs": [],
        "ctlogs": [],
        "timestampAuthorities": [],
    }
    return SigstoreRoot(json.dumps(text).encode(), "root.json")


def test_an_authority_without_an_address_has_the_name_of_its_certificates() -> None:
    """The fuzzer found it: a TypeError of the table."""
    subject = {"organization": "example", "commonName": "authority"}
    (row,) = describe_root(root({"subject": subject}))
    assert row == {
        "what": "certificate authority",
        "name": "authority, example",
        "from": "2020-01-01T00:00:00+00:00",
        "until": "",
    }


def test_an_address_comes_first() -> None:
    subject = {"organization": "example", "commonName": "authority"}
    (row,) = describe_root(root({"subject": subject, "uri": "https://fulcio.example"}))
    assert row["name"] == "https://fulcio.example"
