// What it costs to let a visitor with a valid session in: the stages of the request path from the cookie to the decision,
// against verifying the session's signature anew (jose) for each request. Nothing is asked of the server meanwhile.
//   npx tsx bench/access-decision.ts [--requests 300000]
import { parseArgs } from "node:util";
import { management } from "@netbird-proxy/proto/grpc";
import { jwtVerify } from "jose";
import { decideAccess } from "../proxy/src/access/decide-access.ts";
import { identifyCaller } from "../proxy/src/access/identify-caller.ts";
import { accessPolicy } from "../proxy/src/access/policy.ts";
import { Exchange } from "../proxy/src/exchange.ts";
import { authentication, serviceKeys, sessionToken } from "../proxy/test/support/sessions.ts";

const { values: options } = parseArgs({ options: { requests: { type: "string", default: "300000" } } });
const requests = Number(options.requests);

const audience = "app.example.test";
const auth = authentication({ password: true, pin: true, sessionTags: { password: "t", pin: "u" } });
const policy = accessPolicy(management.ProxyMapping.fromPartial({ auth } as never));
if (!policy.ok) throw new Error(policy.message);
// As many sessions as a busy service has, so that the look-up is a real one.
const tokens = await Promise.all(
  Array.from({ length: 1_000 }, (_, n) =>
    sessionToken({ audience, sub: `user-${n}`, more: { session_tag: "t" } }),
  ),
);
const headers = tokens.map((token) => [
  "host",
  audience,
  "user-agent",
  "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko)",
  "accept",
  "text/html,application/xhtml+xml,*/*;q=0.8",
  "cookie",
  `theme=dark; id=0123456789abcdef; nb_session=${token}`,
]);

let asked = 0;
const authenticator = new Proxy(
  {},
  {
    get: () => () => {
      asked += 1;
      throw new Error("the server was asked");
    },
  },
);
function exchange(n: number): Exchange {
  const down = { method: "GET", headers: headers[n % headers.length]!, body: undefined, upgrade: undefined };
  const x = new Exchange(down as never, { authenticator, attempts: undefined } as never);
  x.host = audience;
  x.path = "/";
  x.service = {
    id: "s",
    accountId: "a",
    domain: audience,
    access: policy.ok ? policy.value : undefined,
  } as never;
  return x;
}

async function decideOnce(n: number): Promise<void> {
  const x = exchange(n);
  const outcome = identifyCaller(x);
  if (outcome instanceof Promise && (await outcome) !== undefined) throw new Error("refused");
  if (decideAccess(x) !== undefined) throw new Error("refused");
}

for (let n = 0; n < 20_000; n += 1) await decideOnce(n);
let startedMs = performance.now();
for (let n = 0; n < requests; n += 1) {
  const x = exchange(n);
  if (identifyCaller(x) !== undefined || decideAccess(x) !== undefined) throw new Error("refused");
}
const ours = ((performance.now() - startedMs) * 1000) / requests;

const verifications = Math.max(1_000, requests / 100);
const verify = (n: number) =>
  jwtVerify(tokens[n % tokens.length]!, serviceKeys.publicKey, { algorithms: ["EdDSA"], audience });
for (let n = 0; n < 500; n += 1) await verify(n);
startedMs = performance.now();
for (let n = 0; n < verifications; n += 1) await verify(n);
const peer = ((performance.now() - startedMs) * 1000) / verifications;

console.table([
  {
    "us per request": ours.toFixed(2),
    "us per signature (jose)": peer.toFixed(1),
    ratio: (ours / peer).toFixed(3),
    "limit us": 50,
    "calls to the server": asked,
  },
]);
