// npm openid-client: every flow of the gateway.
import * as client from 'openid-client';
import { consented, described, privateKey, report, status } from './talking.js';

const { issuer, reader, signers, tool, center } = described;
const plain = { algorithm: 'oauth2', execute: [client.allowInsecureRequests] };
const discover = (id, proof) => client.discovery(new URL(issuer), id, undefined, proof, plain);

function signing({ id, jwk, algorithm }) {
  return privateKey(jwk, algorithm).then((key) => discover(id, client.PrivateKeyJwt({ key, kid: jwk.kid })));
}

async function asked(config, verifier) {
  return {
    redirect_uri: tool.redirect_uri,
    scope: 'stats:read',
    state: client.randomState(),
    code_challenge: await client.calculatePKCECodeChallenge(verifier),
    code_challenge_method: 'S256',
  };
}

async function consentedTokens(config, build, options) {
  const verifier = client.randomPKCECodeVerifier();
  const parameters = await asked(config, verifier);
  const back = new URL(await consented(await build(config, parameters)));
  const checks = { pkceCodeVerifier: verifier, expectedState: parameters.state };
  return client.authorizationCodeGrant(config, back, checks, undefined, options);
}

// What the API answers to a bound token with a proof, and to the same token as a bearer's.
async function bound(config, token, options) {
  const address = new URL(`${issuer}/v1/webmaster/campaigns`);
  const proved = await client.fetchProtectedResource(config, token, address, 'GET', undefined, undefined, options);
  await proved.arrayBuffer();
  return [proved.status, await status(token)];
}

async function withKey(config, algorithm = 'ES256') {
  return { DPoP: client.getDPoPHandle(config, await client.randomDPoPKeyPair(algorithm)) };
}

async function wholeLife(build) {
  const config = await discover(tool.id, client.ClientSecretBasic(tool.secret));
  const first = await consentedTokens(config, build);
  const second = await client.refreshTokenGrant(config, first.refresh_token);
  const before = await status(second.access_token);
  await client.tokenRevocation(config, second.refresh_token);
  return [before, await status(second.access_token)];
}

const flows = {
  'client credentials, secret': async () => {
    const config = await discover(reader.id, client.ClientSecretBasic(reader.secret));
    const got = await client.clientCredentialsGrant(config, { scope: 'stats:read' });
    const told = await client.tokenIntrospection(config, got.access_token);
    const before = await status(got.access_token);
    await client.tokenRevocation(config, got.access_token);
    return [told.active, before, await status(got.access_token)];
  },
  'code, PKCE, refresh, revoke': () => wholeLife(client.buildAuthorizationUrl),
  'code, PKCE, PAR, refresh, revoke': () => wholeLife(client.buildAuthorizationUrlWithPAR),
  'client credentials bound to a key (DPoP)': async () => {
    const config = await discover(reader.id, client.ClientSecretBasic(reader.secret));
    const options = await withKey(config, 'Ed25519');
    const got = await client.clientCredentialsGrant(config, {}, options);
    return [got.token_type, ...await bound(config, got.access_token, options)];
  },
  'code, PKCE, PAR, refresh bound to a key (DPoP)': async () => {
    const config = await discover(tool.id, client.ClientSecretBasic(tool.secret));
    const options = await withKey(config);
    const push = (_, parameters) => client.buildAuthorizationUrlWithPAR(config, parameters, options);
    const first = await consentedTokens(config, push, options);
    const second = await client.refreshTokenGrant(config, first.refresh_token, undefined, options);
    return [second.token_type, ...await bound(config, second.access_token, options)];
  },
  'client credentials where nonces are demanded (DPoP)': async () => {
    const { strict } = described;
    const config = await client.discovery(new URL(strict), reader.id, undefined, client.ClientSecretBasic(reader.secret), plain);
    const options = await withKey(config, 'PS256');
    const got = await client.clientCredentialsGrant(config, { resource: strict }, options);
    const address = new URL(`${strict}/v1/webmaster/campaigns`);
    const read = await client.fetchProtectedResource(config, got.access_token, address, 'GET', undefined, undefined, options);
    return [got.token_type, read.status];
  },
  'a changed iss is refused': async () => {
    const config = await discover(tool.id, client.ClientSecretBasic(tool.secret));
    const verifier = client.randomPKCECodeVerifier();
    const parameters = await asked(config, verifier);
    const back = new URL(await consented(client.buildAuthorizationUrl(config, parameters)));
    back.searchParams.set('iss', 'https://other.example');
    const checks = { pkceCodeVerifier: verifier, expectedState: parameters.state };
    return client.authorizationCodeGrant(config, back, checks).then(() => 'taken', (error) => error.code);
  },
  'token exchange': async () => {
    const config = await signing(center);
    const grant = 'urn:ietf:params:oauth:grant-type:token-exchange';
    const got = await client.genericGrantRequest(config, grant, {
      subject_token: described.session,
      subject_token_type: 'urn:ietf:params:oauth:token-type:jwt',
    });
    return [got.expires_in <= 300, await status(got.access_token, { path: '/v1/model/members/nobody' })];
  },
};
for (const signer of signers) {
  flows[`client credentials, key ${signer.jwk.kid}`] = async () => {
    const got = await client.clientCredentialsGrant(await signing(signer));
    return status(got.access_token);
  };
}
await report(flows);
