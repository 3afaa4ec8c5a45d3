// oidc-provider with the clients that the checks ask for. It prints its address as one line of JSON, and keeps everything
// in memory. Two paths of its own do what an operator does: /control/clients registers one, /control/age lets time pass.
import { generateKeyPairSync } from 'node:crypto';
import { createServer } from 'node:http';
import Provider from 'oidc-provider';

const [port] = process.argv.slice(2);
const issuer = `http://127.0.0.1:${port}`;
const stored = new Map();

class Memory {
  constructor(model) {
    this.model = model;
    if (!stored.has(model)) stored.set(model, new Map());
    this.rows = stored.get(model);
  }

  async upsert(id, payload) {
    this.rows.set(id, payload);
  }

  async find(id) {
    return this.rows.get(id);
  }

  async findByUid(uid) {
    return [...this.rows.values()].find((row) => row.uid === uid);
  }

  async findByUserCode(code) {
    return [...this.rows.values()].find((row) => row.userCode === code);
  }

  async consume(id) {
    this.rows.get(id).consumed = Math.floor(Date.now() / 1000);
  }

  async destroy(id) {
    this.rows.delete(id);
  }

  async revokeByGrantId(grant) {
    for (const rows of stored.values()) {
      for (const [id, row] of rows) if (row.grantId === grant) rows.delete(id);
    }
  }
}

const { privateKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
const provider = new Provider(issuer, {
  adapter: Memory,
  jwks: { keys: [{ ...privateKey.export({ format: 'jwk' }), use: 'sig', alg: 'ES256', kid: 'control-1' }] },
  scopes: ['stats:read', 'members:read'],
  responseTypes: ['code'],
  clientAuthMethods: ['client_secret_basic', 'private_key_jwt'],
  clientDefaults: { id_token_signed_response_alg: 'ES256', response_types: [], redirect_uris: [] },
  enabledJWA: {
    clientAuthSigningAlgValues: ['ES256', 'Ed25519', 'EdDSA', 'PS256'],
    idTokenSigningAlgValues: ['ES256'],
  },
  features: {
    clientCredentials: { enabled: true },
    introspection: { enabled: true, allowedPolicy: async (ctx, client, token) => token.clientId === client.clientId },
    revocation: { enabled: true, allowedPolicy: async (ctx, client, token) => token.clientId === client.clientId },
    rpInitiatedLogout: { enabled: false },
  },
  pkce: { required: () => true },
  issueRefreshToken: async (ctx, client) => client.grantTypeAllowed('refresh_token'),
  rotateRefreshToken: true,
  ttl: { AccessToken: 600, AuthorizationCode: 60, ClientCredentials: 600, Grant: 7776000, Interaction: 600, RefreshToken: 7776000, Session: 600 },
});

async function bodyOf(request) {
  let text = '';
  for await (const part of request) text += part;
  return JSON.parse(text);
}

async function operate(request, response) {
  const asked = await bodyOf(request);
  if (request.url === '/control/clients') {
    stored.get('Client') ?? stored.set('Client', new Map());
    stored.get('Client').set(asked.client_id, asked);
  } else {
    for (const row of stored.get(asked.model)?.values() ?? []) {
      for (const time of ['exp', 'iat', 'consumed']) if (typeof row[time] === 'number') row[time] -= asked.seconds;
    }
  }
  response.end('{}');
}

const answer = provider.callback();
createServer((request, response) => (
  request.url.startsWith('/control/') ? operate(request, response) : answer(request, response)
)).listen(Number(port), '127.0.0.1', () => console.log(JSON.stringify({ url: issuer })));
