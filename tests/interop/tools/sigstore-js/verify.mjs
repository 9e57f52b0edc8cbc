// Verifies one bundle offline with sigstore-js.
//
//   node verify.mjs BUNDLE --root FILE --identity TEXT --issuer URL
//   node verify.mjs BUNDLE --key PEM
//
// Prints what was signed, and by whom, as JSON. If the bundle is refused it prints why, and the exit
// code is 2; that of a program that failed is 1. sigstore-js does not look into the payload: its subjects are the caller's to check.
import { createHash, createPublicKey } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { parseArgs } from 'node:util';
import { bundleFromJSON, ValidationError } from '@sigstore/bundle';
import { TrustedRoot } from '@sigstore/protobuf-specs';
import {
  PolicyError,
  toSignedEntity,
  toTrustMaterial,
  VerificationError,
  Verifier,
} from '@sigstore/verify';

const { positionals, values } = parseArgs({
  allowPositionals: true,
  options: {
    root: { type: 'string' },
    identity: { type: 'string' },
    issuer: { type: 'string' },
    key: { type: 'string' },
  },
});

const readJson = (path) => JSON.parse(readFileSync(path, 'utf8'));

// sigstore-js takes the name for a pattern that may match anywhere
const exactly = (name) => `^${name.replace(/[.*+?^${}()|[\]\\/-]/g, '\\$&')}$`;

function byIdentity() {
  const trust = toTrustMaterial(TrustedRoot.fromJSON(readJson(values.root)));
  const policy = {
    subjectAlternativeName: exactly(values.identity),
    extensions: { issuer: values.issuer },
  };
  return (entity) => new Verifier(trust).verify(entity, policy);
}

function byKey() {
  const der = createPublicKey(readFileSync(values.key)).export({ type: 'spki', format: 'der' });
  const hint = createHash('sha256').update(der).digest('base64');
  const trust = toTrustMaterial(TrustedRoot.fromJSON({}), { [hint]: { rawBytes: der } });
  // such a signature stands in no log, which is where its time would come from
  const options = { ctlogThreshold: 0, tlogThreshold: 0, timestampThreshold: 0 };
  return (entity) => new Verifier(trust, options).verify(entity);
}

try {
  const bundle = bundleFromJSON(readJson(positionals[0]));
  const signer = (values.key ? byKey() : byIdentity())(toSignedEntity(bundle));
  const { payload, payloadType } = bundle.content.dsseEnvelope;
  const said = {
    identity: signer.identity?.subjectAlternativeName ?? '',
    issuer: signer.identity?.extensions?.issuer ?? '',
    payloadType,
    payload: payload.toString('base64'),
  };
  console.log(JSON.stringify(said));
} catch (error) {
  const refusals = [PolicyError, VerificationError, ValidationError];
  if (!refusals.some((kind) => error instanceof kind)) throw error;
  console.log(`refused: ${error.code ?? error.name}: ${error.message}`);
  process.exitCode = 2;
}
