import { AsyncLocalStorage } from "node:async_hooks";
import type { ErrorBody } from "@netbird-proxy/proto/rest";
import type { App, Caller } from "./app-type.ts";

/** One request that another one makes on behalf of its caller: through routing, schema, permission and handler. */
export interface InnerRequest {
  method: "GET" | "POST" | "PUT" | "PATCH" | "DELETE";
  /** With its query. */
  url: string;
  body?: unknown;
  headers?: Record<string, string>;
}

export interface InnerAnswer {
  status: number;
  /** Undefined when there is none. */
  body: unknown;
  etag: string | undefined;
}

const callers = new AsyncLocalStorage<Caller>();

/** The caller of the request that makes this one; undefined for one that came over the network. */
export function innerCaller(): Caller | undefined {
  return callers.getStore();
}

export async function dispatch(
  app: App,
  caller: Caller,
  { method, url, body, headers = {} }: InnerRequest,
): Promise<InnerAnswer> {
  const response = await callers.run(caller, async () =>
    app.inject({
      method,
      url,
      headers: { ...headers, ...(body === undefined ? {} : { "content-type": "application/json" }) },
      ...(body === undefined ? {} : { payload: JSON.stringify(body) }),
    }),
  );
  const etag = response.headers.etag;
  return {
    status: response.statusCode,
    body: response.body.trim() === "" ? undefined : JSON.parse(response.body),
    etag: typeof etag === "string" ? etag : undefined,
  };
}

/** An inner request was refused; the outer one answers the same, and its unit of work is rolled back. */
export class InnerRefusal extends Error {
  readonly answer: InnerAnswer;

  constructor(answer: InnerAnswer) {
    super((answer.body as ErrorBody | undefined)?.message ?? `refused with ${answer.status}`);
    this.answer = answer;
  }
}

/** @throws InnerRefusal when it did not succeed */
export async function dispatchOrThrow(app: App, caller: Caller, request: InnerRequest): Promise<InnerAnswer> {
  const answer = await dispatch(app, caller, request);
  if (answer.status >= 400) throw new InnerRefusal(answer);
  return answer;
}
