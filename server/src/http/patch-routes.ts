import { AppError } from "@netbird-proxy/proto";
import type { FastifyReply, FastifyRequest, RouteOptions } from "fastify";
import Type from "typebox";
import { inUnitOfWork } from "../commands/unit-of-work.ts";
import { secretsOf, withHashesOf } from "../secrets/hash-ahead.ts";
import type { Caller } from "./app-type.ts";
import { type ObjectPlace, readCurrent } from "./current-object.ts";
import { dispatch, dispatchOrThrow, InnerRefusal } from "./dispatch.ts";
import { isDryRun } from "./dry-run.ts";
import { mergePatch } from "./merge-patch.ts";
import { projectOnto } from "./project-onto.ts";
import type { WritePorts } from "./write-in-unit.ts";

const MergePatch = Type.Object(
  {},
  { description: "JSON merge patch (RFC 7396): members of the PUT body; null takes a member away." },
);

/**
 * Every object that has a PUT gets a PATCH: the object as it is now, in the form of a request, merged with the patch,
 * goes through PUT with all its checks. Secrets are empty in what is read, and an empty secret keeps the stored one.
 */
export function addPatchRoutes(ports: WritePorts): void {
  ports.app.addHook("onRoute", function (this: unknown, route) {
    if (route.method !== "PUT" || !/\/:[^/]+$/.test(route.url)) return;
    const scope = this as { route(options: RouteOptions): unknown };
    scope.route({
      ...route,
      method: "PATCH",
      config: { ...route.config, keepNulls: true },
      schema: { ...route.schema, body: MergePatch },
      handler: patchHandler(ports, route.schema?.body),
    } as RouteOptions);
  });
}

function patchHandler(ports: WritePorts, putBody: unknown) {
  const { app, context, schemas } = ports;
  return async (request: FastifyRequest, reply: FastifyReply): Promise<unknown> => {
    const { caller } = request;
    const path = request.url.split("?")[0]!;
    const dryRun = isDryRun(request.query);
    return withHashesOf(dryRun ? [] : secretsOf(request.body), () =>
      inUnitOfWork(context, {}, async () => {
        const place = { path, pattern: request.routeOptions.url! };
        const current = await readCurrent(app, schemas, caller, place);
        if (!current) throw await missing(ports, caller, place);
        const body = mergePatch(asRequest(putBody, current.body), request.body);
        const answer = await dispatchOrThrow(app, caller, {
          method: "PUT",
          url: `${path}${dryRun ? "?dry_run=true" : ""}`,
          body,
        });
        reply.status(answer.status);
        if (answer.etag !== undefined) reply.header("ETag", answer.etag);
        return answer.body;
      }),
    );
  };
}

/** GET says best that there is none, where there is one. */
async function missing({ app }: WritePorts, caller: Caller, { path, pattern }: ObjectPlace): Promise<Error> {
  if (app.hasRoute({ method: "GET", url: pattern })) {
    return new InnerRefusal(await dispatch(app, caller, { method: "GET", url: path }));
  }
  return new AppError("request.not_found", `there is no object at ${path}`);
}

/** A port that the server chose stays its choice: sent back, it would count as the user's. */
export function asRequest(putBody: unknown, object: Record<string, unknown>): Record<string, unknown> {
  const request = projectOnto(putBody, object) as Record<string, unknown>;
  if (object.port_auto_assigned === true) delete request.listen_port;
  return request;
}
