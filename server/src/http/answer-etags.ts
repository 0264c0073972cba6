import type { CommandContext } from "../commands/context.ts";
import type { App } from "./app-type.ts";
import { isDryRun } from "./dry-run.ts";
import { collectionOf, joinTags, matchesWhole, type PutSchemas, stateTag, viewTag } from "./etag.ts";

declare module "fastify" {
  interface FastifyRequest {
    /** First half of the ETag of the object in the answer; undefined when the answer is no object. */
    stateTag: string | undefined;
  }
}

export interface EtagPorts {
  app: App;
  context: CommandContext;
  schemas: PutSchemas;
}

/**
 * ETags on single objects and on the answers to writes, and 304 for GETs whose answer the client has.
 * Lists have an ETag over their bytes.
 */
export function answerEtags({ app, schemas }: EtagPorts): void {
  app.decorateRequest("stateTag", undefined);
  app.addHook("onRoute", (route) => {
    if (route.method === "PUT" && /\/:[^/]+$/.test(route.url)) {
      schemas.set(collectionOf(route.url), route.schema?.body);
    }
  });
  app.addHook("preSerialization", async (request, reply, payload) => {
    const url = request.routeOptions.url ?? "";
    // A PATCH has the ETag of its PUT; of a repeated answer only the text was kept.
    const settled = reply.hasHeader("ETag") || reply.hasHeader("Idempotency-Replayed");
    if (settled || reply.statusCode !== 200 || isDryRun(request.query)) return payload;
    const isObject = payload !== null && typeof payload === "object" && !Array.isArray(payload);
    // Only objects that can be read or changed by themselves have a use for one.
    const collection = collectionOf(url);
    const addressed = url !== collection || request.method === "POST";
    if (isObject && addressed && "id" in payload && url.startsWith("/api/")) {
      request.stateTag = stateTag(schemas, collection, payload as object);
    }
    return payload;
  });
  app.addHook("onSend", async (request, reply, text) => {
    if (reply.statusCode !== 200 || typeof text !== "string") return text;
    const isGet = request.method === "GET" || request.method === "HEAD";
    if (request.stateTag === undefined && !(isGet && request.url.startsWith("/api/"))) return text;
    const etag =
      request.stateTag === undefined ? `"${viewTag(text)}"` : joinTags(request.stateTag, viewTag(text));
    reply.header("ETag", etag);
    const known = request.headers["if-none-match"];
    if (!isGet || known === undefined || !matchesWhole(known, etag)) return text;
    reply.status(304).removeHeader("content-type");
    return null;
  });
}
