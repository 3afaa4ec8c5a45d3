// npm oauth4webapi: discovery, both ways to prove oneself, and its own verifier of access tokens (RFC 9068).
import * as oauth from 'oauth4webapi';
import { consented, described, privateKey, report, status } from './talking.js';

const { issuer, reader, signers: [signer], tool } = described;
const plain = { [oauth.allowInsecureRequests]: true };
const found = await oauth.discoveryRequest(new URL(issuer), { algorithm: 'oauth2', ...plain });
const server = await oauth.processDiscoveryResponse(new URL(issuer), found);

async function ownToken(client, proof, options = {}) {
  const asked = { ...plain, ...options };
  const answer = await oauth.clientCredentialsGrantRequest(server, client, proof, new URLSearchParams(), asked);
  return (await oauth.processClientCredentialsResponse(server, client, answer)).access_token;
}

const bySecret = () => ownToken({ client_id: reader.id }, oauth.ClientSecretBasic(reader.secret));
const carrying = (token) => new Request(`${issuer}/any`, { headers: { authorization: `Bearer ${token}` } });

await report({
  'client credentials, secret': async () => status(await bySecret()),
  'client credentials, key': async () => {
    const key = await privateKey(signer.jwk, signer.algorithm);
    return status(await ownToken({ client_id: signer.id }, oauth.PrivateKeyJwt({ key, kid: signer.jwk.kid })));
  },
  'verifies access tokens': async () => {
    const claims = await oauth.validateJwtAccessToken(server, carrying(await bySecret()), issuer, plain);
    return [claims.iss === issuer, claims.client_id === reader.id, claims.scope];
  },
  'verifies none that is altered': async () => {
    const [header, , signature] = (await bySecret()).split('.');
    const other = (await bySecret()).split('.')[1];
    const forged = carrying([header, other, signature].join('.'));
    return oauth.validateJwtAccessToken(server, forged, issuer, plain).then(() => 'taken', () => 'refused');
  },
  'verifies bound access tokens and their proofs (DPoP)': async () => {
    const client = { client_id: reader.id };
    const DPoP = oauth.DPoP(client, await oauth.generateKeyPair('ES256'));
    const token = await ownToken(client, oauth.ClientSecretBasic(reader.secret), { DPoP });
    let sent;
    const observed = (address, init) => {
      sent = new Request(address, init);
      return fetch(address, init);
    };
    const address = new URL(`${issuer}/v1/webmaster/campaigns`);
    const options = { ...plain, DPoP, [oauth.customFetch]: observed };
    const answer = await oauth.protectedResourceRequest(token, 'GET', address, undefined, undefined, options);
    await answer.arrayBuffer();
    const claims = await oauth.validateJwtAccessToken(server, sent, issuer, { ...plain, requireDPoP: true });
    return [answer.status, typeof claims.cnf.jkt, claims.client_id === reader.id, await status(token)];
  },
  'code, PKCE, PAR, refresh, revoke': async () => {
    const client = { client_id: tool.id };
    const proof = oauth.ClientSecretBasic(tool.secret);
    const verifier = oauth.generateRandomCodeVerifier();
    const state = oauth.generateRandomState();
    const pushed = await oauth.pushedAuthorizationRequest(server, client, proof, {
      response_type: 'code',
      redirect_uri: tool.redirect_uri,
      scope: 'stats:read',
      state,
      code_challenge: await oauth.calculatePKCECodeChallenge(verifier),
      code_challenge_method: 'S256',
    }, plain);
    const { request_uri: uri } = await oauth.processPushedAuthorizationResponse(server, client, pushed);
    const address = new URL(server.authorization_endpoint);
    address.search = new URLSearchParams({ client_id: tool.id, request_uri: uri });
    const heard = oauth.validateAuthResponse(server, client, new URL(await consented(address)), state);
    const redeemed = await oauth.authorizationCodeGrantRequest(
      server, client, proof, heard, tool.redirect_uri, verifier, plain,
    );
    const first = await oauth.processAuthorizationCodeResponse(server, client, redeemed);
    const refreshed = await oauth.refreshTokenGrantRequest(server, client, proof, first.refresh_token, plain);
    const second = await oauth.processRefreshTokenResponse(server, client, refreshed);
    const before = await status(second.access_token);
    const revoked = await oauth.revocationRequest(server, client, proof, second.refresh_token, plain);
    await oauth.processRevocationResponse(revoked);
    return [before, await status(second.access_token)];
  },
});
