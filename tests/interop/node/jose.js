// npm jose: verifies access tokens by the published keys alone.
import { createRemoteJWKSet, jwtVerify } from 'jose';
import { described, report } from './talking.js';

const { issuer, token } = described;
const keys = createRemoteJWKSet(new URL(`${issuer}/oauth/jwks`));
const expected = { issuer, audience: issuer, typ: 'at+jwt', algorithms: ['ES256'] };
const outcome = (text, wanted) => jwtVerify(text, keys, wanted).then(() => 'taken', (error) => error.code);

await report({
  'verifies access tokens': async () => (await jwtVerify(token, keys, expected)).payload.scope,
  'verifies none for another audience': () => outcome(token, { ...expected, audience: 'https://other.example' }),
  'verifies none that is altered': () => outcome(`${token.slice(0, -4)}AAAA`, expected),
});
