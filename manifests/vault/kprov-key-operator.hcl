# Who rotates the key and retires its old versions. Cannot sign, export or delete.
path "transit/keys/kprov-signer" {
  capabilities = ["read"]
}

path "transit/keys/kprov-signer/rotate" {
  capabilities = ["update"]
}

path "transit/keys/kprov-signer/config" {
  capabilities = ["update"]
  allowed_parameters = {
    "min_encryption_version" = []
  }
}
