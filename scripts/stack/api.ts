import { GaveUp } from "./child.ts";

/** A failed call, with what the server said. */
export class ApiError extends Error {
  readonly status: number;
  readonly body: { message?: string; error?: { code?: string; path?: string; hint?: string } };

  constructor(method: string, path: string, status: number, body: ApiError["body"]) {
    super(`${method} ${path}: ${status} ${body.error?.code ?? ""} ${body.message ?? ""}`);
    this.status = status;
    this.body = body;
  }
}

/** A few lines of REST, enough for scripts and tests. */
export class Api {
  readonly url: string;
  readonly token: string | undefined;

  constructor(url: string, token?: string) {
    this.url = url;
    this.token = token;
  }

  async call<T = unknown>(method: string, path: string, body?: unknown): Promise<T> {
    const response = await fetch(`${this.url}/api${path}`, {
      method,
      headers: {
        accept: "application/json",
        ...(this.token ? { authorization: `Token ${this.token}` } : {}),
        ...(body === undefined ? {} : { "content-type": "application/json" }),
      },
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
      signal: AbortSignal.timeout(10_000),
    });
    const text = await response.text();
    let parsed: unknown;
    try {
      parsed = text === "" ? undefined : JSON.parse(text);
    } catch {
      throw new GaveUp(`${method} ${path}: not JSON: ${text.slice(0, 200)}`);
    }
    if (!response.ok) throw new ApiError(method, path, response.status, (parsed ?? {}) as ApiError["body"]);
    return parsed as T;
  }
}
