// npm simple-oauth2: client credentials, and code with PKCE, refresh and revocation.
import { createHash, randomBytes } from 'node:crypto';
import { AuthorizationCode, ClientCredentials } from 'simple-oauth2';
import { consented, described, report, status } from './talking.js';

const { issuer, reader, tool } = described;
const paths = { tokenHost: issuer, tokenPath: '/oauth/token', revokePath: '/oauth/revoke' };
const configured = ({ id, secret }, more = {}) => ({ client: { id, secret }, auth: { ...paths, ...more } });

await report({
  'client credentials, secret': async () => {
    const { token } = await new ClientCredentials(configured(reader)).getToken({ scope: 'stats:read' });
    return [token.scope, await status(token.access_token)];
  },
  'code, PKCE, refresh, revoke': async () => {
    const client = new AuthorizationCode(configured(tool, { authorizePath: '/oauth/authorize' }));
    const verifier = randomBytes(32).toString('base64url');
    const address = client.authorizeURL({
      redirect_uri: tool.redirect_uri,
      scope: 'stats:read',
      state: 'simple',
      code_challenge: createHash('sha256').update(verifier).digest('base64url'),
      code_challenge_method: 'S256',
    });
    const back = new URL(await consented(address));
    const first = await client.getToken({
      code: back.searchParams.get('code'), redirect_uri: tool.redirect_uri, code_verifier: verifier,
    });
    const second = await first.refresh();
    const before = await status(second.token.access_token);
    await second.revokeAll();
    return [before, await status(second.token.access_token)];
  },
});
