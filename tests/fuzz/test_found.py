"""What the fuzzer once found, each in its smallest form."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from fuzz.originals import key_signed
from fuzz.policies import judge
from fuzz.policy_texts import read_file
from kfp_provenance.attest import IN_RUN_BUILDER
from kfp_provenance.codes import Code
from kfp_provenance.errors import TrustError
from kfp_provenance.verify import parse_trust
from support.forge import edit_line

SIGNER = f'signer:\n- key: signer.pub\n  builders: ["{IN_RUN_BUILDER}"]\n'
TOML = f'version = 1\n[[signer]]\nkey = "signer.pub"\nbuilders = ["{IN_RUN_BUILDER}"]\n'


@pytest.mark.parametrize(
    "change",
    [
        lambda line: line.update(dsse_envelope=line.pop("dsseEnvelope")),  # was a KeyError
        lambda line: line.update(verification_material=line.pop("verificationMaterial")),
        lambda line: line["dsseEnvelope"].update(
            payload_type=line["dsseEnvelope"].pop("payloadType")
        ),
    ],
)
def test_a_line_has_the_names_of_the_format_and_no_others(
    change: Callable[[dict[str, Any]], None],
) -> None:
    original = key_signed()[0]
    bundle = edit_line(original.material.bundle, 4, change)
    (finding,) = original.verify(bundle).verdict.findings
    assert finding.code is Code.BUNDLE_MALFORMED


@pytest.mark.parametrize("field", ["tlogEntries", "signatures"])
def test_a_line_with_thousands_of_values_is_not_read(field: str) -> None:
    """A million empty log entries took six gigabytes."""
    original = key_signed()[0]

    def fill(line: dict[str, Any]) -> None:
        part = "verificationMaterial" if field == "tlogEntries" else "dsseEnvelope"
        line[part][field] = [{}] * 5000

    (finding,) = original.verify(edit_line(original.material.bundle, 0, fill)).verdict.findings
    assert finding.code is Code.BUNDLE_MALFORMED
    assert "values" in finding.found


@pytest.mark.parametrize(
    "text",
    [
        f"version: !!bool x\n{SIGNER}",  # was a KeyError
        f"version: !!int 1\n{SIGNER}",
        f"version: 1\n{SIGNER}# \x1a\n",  # was an error of PyYAML
        f"version: 1\n{SIGNER}  pipelines:\n",  # read as no limit
        f"version: 1\n{SIGNER}  namespaces: ~\n",
        f"version: 1\nrevocations:\n{SIGNER}",
        f"version: 1\nrequire: null\n{SIGNER}",
        f"version: 01\n{SIGNER}",
        f"version: 1\nrequire: {{maximum_age_days: 010}}\n{SIGNER}",  # 8 or 10
        f"version: 1\nrequire: {{maximum_age_days: 1:30}}\n{SIGNER}",  # 90, or a text
    ],
)
def test_yaml_says_one_thing_or_is_refused(text: str) -> None:
    with pytest.raises(TrustError) as caught:
        parse_trust(text.encode(), read_file, where="policy.yaml")
    assert caught.value.code is Code.TRUST_INVALID


@pytest.mark.parametrize(
    "moment",
    ["not_after = 0001-01-01T00:00:00+23:59", "not_before = 9999-12-31T23:59:59-23:59"],
)
def test_a_time_outside_the_calendar_is_refused(moment: str) -> None:
    """It was believed, and failed when it was to be shown."""
    assert judge("policy.toml", f"{TOML}{moment}\n".encode()).label == Code.TRUST_INVALID


def test_a_name_of_very_many_parts_is_refused() -> None:
    """tomllib would take hours for one that fills the file."""
    text = "a" + ".a" * 100_000 + " = 1\n"
    with pytest.raises(TrustError) as caught:
        parse_trust(text.encode(), read_file, where="policy.toml")
    assert "32 parts" in caught.value.found
