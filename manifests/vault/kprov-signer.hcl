# Who signs bundles: may read the public key and sign with it, and nothing else.
path "transit/keys/kprov-signer" {
  capabilities = ["read"]
}

path "transit/sign/kprov-signer" {
  capabilities = ["update"]
}
