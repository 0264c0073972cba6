import { AppError, errorCodes } from "@netbird-proxy/proto";
import { BatchRequest, BatchResponse, DryRunQuery, type ErrorBody } from "@netbird-proxy/proto/rest";
import { inUnitOfWork } from "../../commands/unit-of-work.ts";
import { secretsOf, withHashesOf } from "../../secrets/hash-ahead.ts";
import type { App, Caller } from "../app-type.ts";
import { resolveReferences, UnknownReference } from "../batch-references.ts";
import { dispatch, type InnerAnswer, InnerRefusal } from "../dispatch.ts";
import { isDryRun } from "../dry-run.ts";
import { errorResponse } from "../error-response.ts";
import type { WritePorts } from "../write-in-unit.ts";
import { answers } from "./responses.ts";

type Operation = BatchRequest["operations"][number];
type Result = BatchResponse["results"][number];

// What has no account to be a part of, or would be a batch in a batch.
const excluded = /^\/api\/(batch|setup|instance)(\/|$)/;

/** Many operations, one transaction: all of them or none. */
export function registerBatchRoute(app: App, { app: root, context }: WritePorts): void {
  app.post(
    "/api/batch",
    {
      config: { keepNulls: true },
      schema: {
        tags: ["batch"],
        querystring: DryRunQuery,
        body: BatchRequest,
        response: answers(BatchResponse),
      },
    },
    async (request): Promise<BatchResponse> => {
      const { caller } = request;
      const { operations } = request.body;
      checkShape(operations);
      const secrets = isDryRun(request.query) ? [] : secretsOf(operations);
      return withHashesOf(secrets, () =>
        inUnitOfWork(context, {}, async () => {
          const results = await runAll(root, caller, operations);
          const failed = results.findIndex(({ status }) => status >= 400);
          if (failed >= 0) throw refuse(results, failed);
          return { results };
        }),
      );
    },
  );
}

function checkShape(operations: readonly Operation[]): void {
  const refs = new Set<string>();
  for (const [index, { method, path, ref, if_match: ifMatch }] of operations.entries()) {
    const at = `operations[${index}]`;
    const wrong = (field: string, message: string) =>
      new AppError("request.invalid", message, { path: `${at}.${field}` });
    if (!path.startsWith("/api/") || excluded.test(path)) {
      throw wrong("path", `${path} cannot be part of a batch`);
    }
    if (/[?#]/.test(path)) throw wrong("path", "the path of an operation has no query");
    if (ifMatch !== undefined && method === "POST") {
      throw wrong("if_match", "what a POST creates has no ETag yet");
    }
    if (ref === undefined) continue;
    if (refs.has(ref)) throw wrong("ref", `two operations are called ${ref}`);
    refs.add(ref);
  }
}

/** Those after a refused one run too, so that one answer shows every mistake; what depends on a refused one cannot. */
async function runAll(app: App, caller: Caller, operations: readonly Operation[]): Promise<Result[]> {
  const bodies = new Map<string, unknown>();
  const results: Result[] = [];
  for (const operation of operations) {
    const answer = await runOne(app, caller, operation, bodies);
    const { ref, method, path } = operation;
    if (ref !== undefined && answer.status < 400) bodies.set(ref, answer.body);
    results.push({
      ...(ref === undefined ? {} : { ref }),
      method,
      path,
      status: answer.status,
      body: (answer.body ?? null) as Result["body"],
      ...(answer.etag === undefined ? {} : { etag: answer.etag }),
    });
  }
  return results;
}

async function runOne(
  app: App,
  caller: Caller,
  { method, path, body, if_match: ifMatch }: Operation,
  bodies: ReadonlyMap<string, unknown>,
): Promise<InnerAnswer> {
  try {
    return await dispatch(app, caller, {
      method,
      url: resolveReferences(path, bodies, { inPath: true }) as string,
      body: resolveReferences(body, bodies),
      headers: ifMatch === undefined ? {} : { "if-match": ifMatch },
    });
  } catch (error) {
    if (!(error instanceof UnknownReference)) throw error;
    const refusal = new AppError("batch.unknown_reference", error.message);
    const { status, body: text } = errorResponse(refusal, { requestId: "" });
    return { status, body: text, etag: undefined };
  }
}

function refuse(results: Result[], failed: number): InnerRefusal {
  const { status, body, method, path } = results[failed]!;
  const { message, error } = body as unknown as ErrorBody;
  const at = `operations[${failed}]`;
  const { http, hint } = errorCodes["batch.refused"];
  return new InnerRefusal({
    status: status >= 500 ? status : http,
    body: {
      message: `${method} ${path} was refused, so nothing was written: ${message}`,
      code: status >= 500 ? status : http,
      error: { code: "batch.refused", path: error.path === "" ? at : `${at}.body.${error.path}`, hint },
      results,
    },
    etag: undefined,
  });
}
