"""The API server of the tests is a real one, whose service accounts sign keyless."""

from __future__ import annotations

import secrets

import jwt
import pytest
from sigstore.errors import VerificationError

from support.keyless import STATEMENT, sign, verify
from support.kubernetes_api import ApiError, ApiServer, service_account
from support.sigstore_instance import Sigstore, certificate_identity

pytestmark = pytest.mark.interop


@pytest.fixture
def namespace(api_server: ApiServer) -> str:
    name = f"team-{secrets.token_hex(6)}"
    api_server.create_namespace(name)
    api_server.create_service_account(name, "pipeline-runner")
    return name


def test_rights_are_those_of_the_roles(api_server: ApiServer, namespace: str) -> None:
    token = api_server.service_account_token(namespace, "pipeline-runner", api_server.address)
    pods = f"/api/v1/namespaces/{namespace}/pods"
    with pytest.raises(ApiError) as raised:
        api_server.call("GET", pods, token=token)
    assert raised.value.status == 403
    role = f"reads-pods-of-{namespace}"
    api_server.create_cluster_role(
        role, {"apiGroups": [""], "resources": ["pods"], "verbs": ["list"]}
    )
    account = service_account(namespace, "pipeline-runner")
    listing = {"resourceAttributes": {"resource": "pods", "verb": "list", "namespace": namespace}}
    api_server.bind_cluster_role(role, account, listing)
    api_server.create_pod(namespace, "step", "pipeline-runner")
    (pod,) = api_server.call("GET", pods, token=token)["items"]
    assert pod["spec"]["serviceAccountName"] == "pipeline-runner"
    with pytest.raises(ApiError) as raised:
        api_server.call("DELETE", f"{pods}/step", token=token)
    assert raised.value.status == 403


def test_a_token_names_its_account_and_its_pod(api_server: ApiServer, namespace: str) -> None:
    pod = api_server.create_pod(namespace, "step", "pipeline-runner")
    token = api_server.service_account_token(namespace, "pipeline-runner", "sigstore", pod="step")
    keys = api_server.call("GET", "/openid/v1/jwks")["keys"]
    (key,) = jwt.PyJWKSet(keys).keys
    claims = jwt.decode(token, key.key, ["RS256"], audience="sigstore", issuer=api_server.address)
    assert claims["sub"] == f"system:serviceaccount:{namespace}:pipeline-runner"
    bound = {"name": "step", "uid": pod["metadata"]["uid"]}
    assert claims["kubernetes.io"]["pod"] == bound


def test_a_service_account_of_the_cluster_signs_keyless(
    api_server: ApiServer, cluster_sigstore: Sigstore, namespace: str
) -> None:
    token = api_server.service_account_token(namespace, "pipeline-runner", "sigstore")
    bundle = sign(cluster_sigstore, token, STATEMENT)
    identity = certificate_identity(f"{namespace}/pipeline-runner")
    root = cluster_sigstore.trusted_root
    assert verify(root, bundle, identity, api_server.address) == STATEMENT
    with pytest.raises(VerificationError):
        verify(root, bundle, identity, cluster_sigstore.issuer.kubernetes)
