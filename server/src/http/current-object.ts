import { AppError } from "@netbird-proxy/proto";
import type { App, Caller } from "./app-type.ts";
import { dispatch, InnerRefusal } from "./dispatch.ts";
import { collectionOf, joinTags, type PutSchemas, stateTag, viewTag } from "./etag.ts";

/** Where an object is: its path, without a query, and the pattern of its route. */
export interface ObjectPlace {
  path: string;
  pattern: string;
}

export interface CurrentObject {
  body: Record<string, unknown>;
  etag: string;
}

/**
 * What GET answers for an object now, to this caller; for objects without a GET of their own, what the list holds.
 * @returns undefined when there is none
 * @throws InnerRefusal when the caller may not read it
 */
export async function readCurrent(
  app: App,
  schemas: PutSchemas,
  caller: Caller,
  { path, pattern }: ObjectPlace,
): Promise<CurrentObject | undefined> {
  if (app.hasRoute({ method: "GET", url: pattern })) {
    const one = await dispatch(app, caller, { method: "GET", url: path });
    if (one.status === 404) return undefined;
    if (one.status !== 200 || one.etag === undefined) throw new InnerRefusal(one);
    return { body: one.body as Record<string, unknown>, etag: one.etag };
  }
  const collection = collectionOf(pattern);
  const slash = path.lastIndexOf("/");
  const id = decodeURIComponent(path.slice(slash + 1));
  if (!app.hasRoute({ method: "GET", url: collection })) {
    throw new AppError("request.precondition_failed", `${path} has no ETag`, {
      hint: "Leave If-Match out: this path is no object that can be read.",
    });
  }
  const list = await dispatch(app, caller, { method: "GET", url: path.slice(0, slash) });
  if (list.status !== 200) throw new InnerRefusal(list);
  const items = (list.body ?? []) as Record<string, unknown>[];
  const body = items.find((item) => item.id === id || (item.id === undefined && item.address === id));
  if (!body) return undefined;
  const state = stateTag(schemas, collection, body);
  return { body, etag: joinTags(state, viewTag(`${JSON.stringify(body)}\n`)) };
}
