import type { Log } from "../framework/resource.ts";
import type { ErrorBody, Instance } from "./api-types.ts";
import { ApiFailure, NetworkFailure, type RequestInfo } from "./failure.ts";
import { Limiter } from "./limiter.ts";
import { type Outcome, retryAfterMs, retryDelayMs } from "./retry-policy.ts";
import { sleep } from "./sleep.ts";
import { ThrottleGate } from "./throttle-gate.ts";
import { type HttpAnswer, NotSent, type Transport } from "./transport.ts";

export interface ApiClientOptions {
  /** The server's address, without `/api`. */
  readonly managementUrl: URL;
  readonly token: string;
  readonly userAgent: string;
  /** For one attempt. */
  readonly requestTimeoutMs: number;
  readonly maxRetries: number;
  /** Requests at a time. */
  readonly concurrency: number;
  /** Sent with every request. */
  readonly headers: ReadonlyMap<string, string>;
  readonly transport: { readonly send: Transport; readonly close: () => void };
  readonly log: Log;
  readonly random?: () => number;
}

type Method = "GET" | "POST" | "PUT" | "DELETE";

/**
 * The management server's REST API during one walk of Terraform's graph. Every failure is an {@link ApiFailure} or a
 * {@link NetworkFailure}; an aborted signal rejects with its reason.
 */
export class ApiClient {
  readonly #options: ApiClientOptions;
  readonly #base: string;
  readonly #gate = new ThrottleGate();
  readonly #limiter: Limiter;
  readonly #lists = new Map<string, Promise<readonly unknown[]>>();
  readonly #asked = new Set<string>();
  #features: Promise<ReadonlySet<string>> | undefined;
  #namesVersions = true;
  readonly #tags = new WeakMap<object, string>();

  constructor(options: ApiClientOptions) {
    this.#options = options;
    this.#base = apiBase(options.managementUrl);
    this.#limiter = new Limiter(options.concurrency);
  }

  /** @param path below `/api`, such as `/groups` */
  async get<T>(path: string, signal: AbortSignal): Promise<T> {
    return (await this.#json("GET", path, undefined, signal)).value as T;
  }

  /** The same with the version that the server names it by; undefined when it does not name versions. */
  async getTagged<T>(path: string, signal: AbortSignal): Promise<{ value: T; tag: string | undefined }> {
    const { value, headers } = await this.#json("GET", path, undefined, signal);
    this.#namesVersions = headers.etag !== undefined;
    return { value: value as T, tag: headers.etag };
  }

  /** The version that the server named with this answer; undefined when it named none. */
  tagOf(answer: object): string | undefined {
    return this.#tags.get(answer);
  }

  /** False once an object came without a version: then there is nothing to make a write depend on. */
  get namesVersions(): boolean {
    return this.#namesVersions;
  }

  /** A page that is no JSON. */
  async text(path: string, signal: AbortSignal): Promise<string> {
    return (await this.#success("GET", path, undefined, signal)).answer.body;
  }

  async post<T>(path: string, body: unknown, signal: AbortSignal): Promise<T> {
    return this.#write<T>("POST", path, body, signal);
  }

  /** @param tag the write is refused (412) when the object is no longer this version */
  async put<T>(path: string, body: unknown, signal: AbortSignal, tag?: string): Promise<T> {
    return this.#write<T>("PUT", path, body, signal, tag);
  }

  /** @param tag as for {@link put} */
  async delete(path: string, signal: AbortSignal, tag?: string): Promise<void> {
    await this.#write("DELETE", path, undefined, signal, tag);
  }

  /**
   * Deletes what proxies serve.
   *
   * @param waitMs how long the server may wait for them to let go
   * @returns false when one did not; undefined when the server cannot tell
   */
  async deleteServed(
    path: string,
    signal: AbortSignal,
    { tag, waitMs }: { tag: string | undefined; waitMs: number },
  ): Promise<boolean | undefined> {
    const canWait = (await this.features(signal)).has("deletion_wait");
    // An attempt is given up after the time for requests; waiting has to end before.
    const longestMs = Math.min(waitMs, this.#options.requestTimeoutMs / 2, 60_000);
    const seconds = canWait ? Math.floor(longestMs / 1000) : 0;
    try {
      const url = seconds > 0 ? `${path}?wait=${seconds}` : path;
      const { headers } = await this.#json("DELETE", url, undefined, signal, tag);
      const said = headers["netbird-applied"];
      return said === undefined ? undefined : said === "true";
    } finally {
      this.#lists.clear();
    }
  }

  /** All objects of a collection, asked for once per walk; any write asks anew. */
  list<T>(path: string, signal: AbortSignal): Promise<readonly T[]> {
    let list = this.#lists.get(path);
    if (list === undefined) {
      list = this.get<readonly unknown[] | null>(path, signal).then((items) => items ?? []);
      this.#lists.set(path, list);
      // A failure is not worth remembering; the next reader asks again.
      list.catch(() => this.#lists.delete(path));
    }
    return list as Promise<readonly T[]>;
  }

  /**
   * One object of a collection. The first of a collection is asked for by itself; from the second on the whole list is
   * read once, so that refreshing n objects costs two requests. What a list lacks is confirmed by its own request.
   */
  async find<T extends { id: string }>(collection: string, id: string, signal: AbortSignal): Promise<T> {
    const one = `${collection}/${encodeURIComponent(id)}`;
    if (!this.#asked.has(collection)) {
      this.#asked.add(collection);
      return this.get<T>(one, signal);
    }
    const found = (await this.list<T>(collection, signal)).find((item) => item.id === id);
    return found ?? this.get<T>(one, signal);
  }

  /** What the server offers beyond NetBird's API; nothing when it does not say. */
  features(signal: AbortSignal): Promise<ReadonlySet<string>> {
    this.#features ??= this.get<Instance>("/instance", signal).then(
      (instance) => new Set(Array.isArray(instance?.features) ? instance.features : []),
      (error) => {
        this.#features = undefined;
        // An old server does not have the page. One that cannot be asked now cannot check a plan either, and a plan that
        // nobody checked must not look like one that was.
        if (!(error instanceof ApiFailure) || error.status >= 500 || error.status === 429) throw error;
        this.#options.log("debug", "the server did not say what it offers", { reason: String(error) });
        return new Set();
      },
    );
    return this.#features;
  }

  /**
   * Asks the server to check a write without doing it. Only servers that announce it are asked: any other would do it.
   * @returns undefined when the server cannot
   */
  async dryRun<T>(
    method: "POST" | "PUT",
    path: string,
    body: unknown,
    signal: AbortSignal,
  ): Promise<T | undefined> {
    if (!(await this.features(signal)).has("dry_run")) return undefined;
    const { value, headers } = await this.#json(method, `${path}?dry_run=true`, body, signal);
    if (headers["netbird-dry-run"] !== "supported") {
      throw new ApiFailure(
        { method, url: `${this.#base}${path}` },
        {
          status: 200,
          message: "the server announced dry runs but did not confirm this one, and may have made the change",
          attempts: 1,
          elapsedMs: 0,
        },
      );
    }
    return value as T;
  }

  close(): void {
    this.#options.transport.close();
  }

  async #write<T>(
    method: Method,
    path: string,
    body: unknown,
    signal: AbortSignal,
    tag?: string,
  ): Promise<T> {
    try {
      return (await this.#json(method, path, body, signal, tag)).value as T;
    } finally {
      this.#lists.clear();
    }
  }

  async #json(
    method: Method,
    path: string,
    body: unknown,
    signal: AbortSignal,
    tag?: string,
  ): Promise<{ value: unknown; headers: HttpAnswer["headers"] }> {
    const { info, answer, attempts } = await this.#success(method, path, body, signal, tag);
    if (answer.body.trim() === "") return { value: undefined, headers: answer.headers };
    try {
      const value: unknown = JSON.parse(answer.body);
      const { etag } = answer.headers;
      if (etag !== undefined && typeof value === "object" && value !== null) this.#tags.set(value, etag);
      return { value, headers: answer.headers };
    } catch (cause) {
      throw new NetworkFailure(info, {
        message: `the answer is not JSON (status ${answer.status}); is this the address of a management server?`,
        code: "",
        mayHaveHappened: method !== "GET",
        attempts,
        cause,
      });
    }
  }

  async #success(method: Method, path: string, body: unknown, signal: AbortSignal, tag?: string) {
    const info: RequestInfo = { method, url: `${this.#base}${path}` };
    const { answer, attempts, elapsedMs } = await this.#attempts(info, body, signal, tag);
    if (answer.status >= 200 && answer.status < 300) return { info, answer, attempts };
    throw new ApiFailure(info, {
      ...readErrorBody(answer),
      status: answer.status,
      requestId: answer.headers["x-request-id"],
      attempts,
      elapsedMs,
    });
  }

  async #attempts(info: RequestInfo, body: unknown, signal: AbortSignal, tag?: string) {
    const { log, maxRetries } = this.#options;
    const startedMs = Date.now();
    for (let attempt = 1; ; attempt += 1) {
      const result = await this.#once(info, body, signal, tag);
      let outcome: Outcome;
      if (result.ok) {
        const { answer } = result;
        if (answer.status < 400) return { answer, attempts: attempt, elapsedMs: Date.now() - startedMs };
        const afterMs = retryAfterMs(answer.headers["retry-after"], Date.now());
        outcome = { kind: "status", status: answer.status, retryAfterMs: afterMs };
      } else {
        outcome = { kind: "network", sent: result.sent, timedOut: result.code === "ETIMEDOUT" };
      }
      const random = this.#options.random?.() ?? Math.random();
      const delayMs = retryDelayMs(info.method, outcome, attempt, maxRetries, random);
      if (delayMs === undefined) {
        if (result.ok) return { answer: result.answer, attempts: attempt, elapsedMs: Date.now() - startedMs };
        throw new NetworkFailure(info, {
          message: result.message,
          code: result.code,
          mayHaveHappened: result.sent && info.method !== "GET",
          attempts: attempt,
          cause: result.cause,
        });
      }
      log("debug", "trying again", {
        method: info.method,
        url: info.url,
        attempt,
        delay_ms: Math.round(delayMs),
        status: result.ok ? result.answer.status : undefined,
        reason: result.ok ? undefined : result.message,
      });
      // When one request is throttled, all wait; they would only be throttled too.
      if (outcome.kind === "status" && outcome.status === 429) this.#gate.closeUntil(Date.now() + delayMs);
      else await sleep(delayMs, signal);
    }
  }

  #once(info: RequestInfo, body: unknown, signal: AbortSignal, tag?: string) {
    return this.#limiter.run(async () => {
      for (let waitMs = this.#gate.waitMs(Date.now()); waitMs > 0; waitMs = this.#gate.waitMs(Date.now()))
        await sleep(waitMs, signal);
      signal.throwIfAborted();
      const { requestTimeoutMs, transport } = this.#options;
      const timeout = AbortSignal.timeout(requestTimeoutMs);
      try {
        const answer = await transport.send({
          method: info.method,
          url: new URL(info.url),
          headers: {
            ...this.#headers(body !== undefined),
            ...(tag === undefined ? {} : { "if-match": tag }),
          },
          body: body === undefined ? undefined : JSON.stringify(body),
          // A write that is under way is not cut off: nobody would know what it left behind.
          signal: info.method === "GET" ? AbortSignal.any([signal, timeout]) : timeout,
        });
        return { ok: true as const, answer };
      } catch (error) {
        if (signal.aborted && info.method === "GET") throw signal.reason;
        const { code = "" } = error as NodeJS.ErrnoException;
        return {
          ok: false as const,
          sent: !(error instanceof NotSent),
          code: timeout.aborted ? "ETIMEDOUT" : String(code),
          message: timeout.aborted
            ? `no answer within ${requestTimeoutMs / 1000} s`
            : error instanceof Error
              ? error.message
              : String(error),
          cause: error,
        };
      }
    });
  }

  #headers(hasBody: boolean): Record<string, string> {
    const headers: Record<string, string> = {
      accept: "application/json",
      "user-agent": this.#options.userAgent,
    };
    for (const [name, value] of this.#options.headers) headers[name.toLowerCase()] = value;
    headers.authorization = `Token ${this.#options.token}`;
    if (hasBody) headers["content-type"] = "application/json";
    return headers;
  }
}

/** The prefix of every request. A URL that was copied with its `/api` works too. */
function apiBase(url: URL): string {
  const path = url.pathname.replace(/\/+$/, "").replace(/\/api$/, "");
  return `${url.origin}${path}/api`;
}

function readErrorBody(answer: HttpAnswer): { message: string; code?: string; path?: string; hint?: string } {
  let body: ErrorBody | null = null;
  try {
    body = JSON.parse(answer.body) as ErrorBody | null;
  } catch {
    // Routers and proxies in between answer in plain text or HTML.
  }
  if (body === null || typeof body !== "object" || typeof body.message !== "string") {
    const firstLine = answer.body
      .replace(/<[^>]*>/g, " ")
      .replace(/\s+/g, " ")
      .trim()
      .slice(0, 200);
    return { message: firstLine === "" ? `status ${answer.status}` : firstLine };
  }
  const text = (value: unknown) => (typeof value === "string" ? value : undefined);
  return {
    message: body.message,
    code: text(body.error?.code),
    path: text(body.error?.path),
    hint: text(body.error?.hint),
  };
}
