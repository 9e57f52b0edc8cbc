"""Keys of clouds without the clouds: URIs, missing libraries, and what errors become."""

from __future__ import annotations

import sys

import pytest
from google.api_core import exceptions as api
from google.auth import exceptions as auth
from securesystemslib.exceptions import UnsupportedAlgorithmError

from kfp_provenance.codes import Code
from kfp_provenance.errors import ProvenanceError, SettingsError, SigningError
from kfp_provenance.signing import open_signer
from kfp_provenance.signing.kms.gcp import translated

GCP = "gcpkms:projects/p/locations/l/keyRings/r/cryptoKeys/k/cryptoKeyVersions/1"
AZURE = f"azurekms://team-a.vault.azure.net/keys/signer/{'0123456789abcdef' * 2}"
ARN = "arn:aws:kms:eu-central-1:123456789012"


@pytest.mark.parametrize(
    ("uri", "library"),
    [
        (GCP, "google.cloud.kms"),
        (GCP.replace("/p/", "/example.com:p/"), "google.cloud.kms"),
        ("awskms:1234abcd-12ab-34cd-56ef-1234567890ab", "boto3"),
        ("awskms:mrk-1234abcd12ab34cd56ef1234567890ab", "boto3"),
        ("awskms:alias/team/signer", "boto3"),
        (f"awskms:{ARN}:key/1234abcd-12ab-34cd-56ef-1234567890ab", "boto3"),
        (f"awskms:{ARN.replace('aws', 'aws-us-gov')}:alias/signer", "boto3"),
        (AZURE, "azure.identity"),
    ],
)
def test_a_library_that_is_missing_is_named(
    monkeypatch: pytest.MonkeyPatch, uri: str, library: str
) -> None:
    monkeypatch.setitem(sys.modules, library, None)
    with pytest.raises(SettingsError) as caught:
        open_signer(uri)
    assert caught.value.code is Code.DEPENDENCY_MISSING
    assert library in caught.value.message
    assert caught.value.remedy == f"pip install 'kfp-provenance[{uri.partition(':')[0]}]'"


@pytest.mark.parametrize(
    "uri",
    [
        "gcpkms:",
        GCP.rpartition("/cryptoKeyVersions")[0],
        f"{GCP}/hunter2",
        f"{GCP}?hunter2",
        GCP.replace("/1", "/0"),
        GCP.replace("/l/", "/../"),
        "gcpkms://projects/p",
        "awskms:",
        "awskms:alias/",
        "awskms:hunter2@host",
        "awskms:key/1234abcd",
        "awskms:1234abcd?hunter2",
        f"awskms:{ARN}:secret/hunter2",
        f"awskms:{ARN.replace('kms', 's3')}:key/hunter2",
        "azurekms:team-a/signer",
        AZURE.rpartition("/")[0],
        AZURE.replace("azure.net", "example.net"),
        AZURE.replace("//", "//user:hunter2@"),
        AZURE.replace(".net", ".net:8443"),
        f"{AZURE}?hunter2",
    ],
)
def test_a_uri_that_is_not_understood_is_refused_and_not_repeated(uri: str) -> None:
    with pytest.raises(SigningError) as caught:
        open_signer(uri)
    assert caught.value.code is Code.SIGNER_URI_INVALID
    assert "hunter2" not in caught.value.diagnostics()


@pytest.mark.parametrize(
    ("error", "code"),
    [
        (api.PermissionDenied("no"), Code.SIGNER_DENIED),
        (api.Unauthenticated("no"), Code.SIGNER_DENIED),
        (auth.DefaultCredentialsError("hunter2"), Code.SIGNER_DENIED),
        (auth.RefreshError("hunter2"), Code.SIGNER_DENIED),
        (api.NotFound("no such key"), Code.KEY_UNREADABLE),
        (api.FailedPrecondition("is not enabled"), Code.KEY_UNREADABLE),
        (UnsupportedAlgorithmError("RSA"), Code.KEY_UNREADABLE),
        (auth.TransportError("hunter2"), Code.SIGNER_UNREACHABLE),
        (api.ServiceUnavailable("down"), Code.SIGNER_UNREACHABLE),
        (api.RetryError("late", cause=None), Code.SIGNER_UNREACHABLE),
        (api.ResourceExhausted("quota"), Code.SIGNER_UNREACHABLE),
    ],
)
def test_what_google_raises_is_one_of_our_errors(error: Exception, code: Code) -> None:
    with pytest.raises(ProvenanceError) as caught, translated(GCP):
        raise error
    assert (caught.value.code, caught.value.where) == (code, GCP)
    assert "hunter2" not in caught.value.diagnostics()
