import { Agent } from "undici";
import { version } from "../config.ts";

export interface CrowdsecApiOptions {
  /** Of the local API, without `/v1`. */
  readonly url: string;
  readonly key: string;
  /** For one whole answer, milliseconds. */
  readonly timeoutMs?: number;
}

/** Entries as the local API gives them. */
export interface DecisionChanges {
  readonly added: readonly unknown[];
  readonly removed: readonly unknown[];
}

/** Large community blocklists have a few hundred thousand decisions of about 200 bytes. */
const MAX_BODY_BYTES = 128 * 1024 * 1024;

/**
 * The part of CrowdSec's local API that a bouncer speaks.
 * Source: https://docs.crowdsec.net (local API, bouncers); checked against Debian's crowdsec 1.4.6.
 */
export class CrowdsecApi {
  readonly #options: CrowdsecApiOptions;
  readonly #agent = new Agent({ connections: 1, pipelining: 1 });

  constructor(options: CrowdsecApiOptions) {
    this.#options = options;
  }

  /**
   * @param startup true: everything that is decided now; false: what changed since this key asked last
   * @throws Error saying what to do about it
   */
  async changes(startup: boolean, signal: AbortSignal): Promise<DecisionChanges> {
    const { url, key, timeoutMs = 30_000 } = this.#options;
    // Without `dedup=false` a second decision on an address stays hidden behind a longer one, and is lost with it.
    const path = `v1/decisions/stream?startup=${startup}&scopes=ip,range,country&dedup=false`;
    const { statusCode, body } = await this.#agent.request({
      origin: new URL(url).origin,
      path: new URL(path, url.endsWith("/") ? url : `${url}/`).href.slice(new URL(url).origin.length),
      method: "GET",
      headers: { "x-api-key": key, "user-agent": `netbird-proxy/v${version}`, accept: "application/json" },
      signal: AbortSignal.any([signal, AbortSignal.timeout(timeoutMs)]),
    });
    if (statusCode !== 200) {
      await body.dump({ limit: 65_536 }).catch(() => {});
      throw new Error(
        statusCode === 401 || statusCode === 403
          ? `the local API does not accept the key (${statusCode}): make one with \`cscli bouncers add\` and set NB_PROXY_CROWDSEC_API_KEY`
          : `the local API answers ${statusCode}`,
      );
    }
    const chunks: Buffer[] = [];
    let bytes = 0;
    for await (const chunk of body as AsyncIterable<Buffer>) {
      bytes += chunk.length;
      if (bytes > MAX_BODY_BYTES) throw new Error(`the local API sends more than ${MAX_BODY_BYTES} bytes`);
      chunks.push(chunk);
    }
    return readChanges(Buffer.concat(chunks).toString());
  }

  close(): void {
    this.#agent.destroy().catch(() => {});
  }
}

function readChanges(text: string): DecisionChanges {
  let parsed: unknown;
  try {
    parsed = JSON.parse(text);
  } catch {
    throw new Error("the local API sends no JSON: is NB_PROXY_CROWDSEC_API_URL the address of CrowdSec?");
  }
  const { new: added, deleted: removed } = (parsed ?? {}) as { new?: unknown; deleted?: unknown };
  // Empty lists come as null.
  if (![added, removed].every((list) => list === null || list === undefined || Array.isArray(list))) {
    throw new Error("the local API sends no list of decisions");
  }
  return { added: (added as unknown[] | null) ?? [], removed: (removed as unknown[] | null) ?? [] };
}
