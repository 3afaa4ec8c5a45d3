// What the scripts share: the test's description comes on the first line of standard input; a person's browser is the
// test's, which is told an address to open and answers with where it was led back to; results leave as one last line.
import { createInterface } from 'node:readline';

const lines = createInterface({ input: process.stdin })[Symbol.asyncIterator]();

async function next() {
  const { value } = await lines.next();
  return JSON.parse(value);
}

export const described = await next();

export async function consented(address) {
  console.log(JSON.stringify({ open: String(address) }));
  return (await next()).back;
}

export function privateKey(jwk, algorithm) {
  const { kid, use, alg, ...bare } = jwk;
  return crypto.subtle.importKey('jwk', bare, algorithm, false, ['sign']);
}

export async function status(token, { scheme = 'Bearer', path = '/v1/webmaster/campaigns' } = {}) {
  const answer = await fetch(described.issuer + path, { headers: { authorization: `${scheme} ${token}` } });
  await answer.arrayBuffer();
  return answer.status;
}

// Runs each flow by itself, so that one that fails hides no other.
export async function report(flows) {
  const results = {};
  for (const [name, flow] of Object.entries(flows)) {
    try {
      results[name] = await flow();
    } catch (error) {
      results[name] = `${error.name}: ${error.message} ${JSON.stringify(error.cause ?? error.data ?? null)}`;
    }
  }
  console.log(JSON.stringify({ results }));
  process.exit(0);
}
