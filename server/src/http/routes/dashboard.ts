import { join } from "node:path";
import fastifyStatic from "@fastify/static";
import type { App } from "../app-type.ts";
import type { HttpPorts } from "../ports.ts";

/** Its own scripts, styles and images, and the API; nothing of anybody else, nothing inline, and nobody frames it. */
const CONTENT_SECURITY_POLICY =
  "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'";

/** One page for all addresses of the dashboard, which looks at its address itself. */
const PAGES = ["/", "/auth", "/services/:id"];

/** The dashboard, where it was built. */
export function registerDashboard(app: App, { dashboardFolder }: HttpPorts): void {
  if (dashboardFolder === undefined) return;
  const open = { config: { public: true }, schema: { hide: true } } as const;
  // Routes of the plugin's own would ask for a token.
  app.register(fastifyStatic, { root: dashboardFolder, serve: false });
  for (const path of PAGES) {
    app.get(path, open, (_request, reply) => {
      reply.header("Content-Security-Policy", CONTENT_SECURITY_POLICY);
      reply.header("Cache-Control", "no-cache");
      return reply.sendFile("index.html", { cacheControl: false });
    });
  }
  // Their names change with what is in them.
  const assets = join(dashboardFolder, "assets");
  app.get("/assets/*", open, (request, reply) => {
    const { "*": name } = request.params as { "*": string };
    // The build makes no folders.
    if (!/^[\w-][\w.-]*$/.test(name)) return reply.callNotFound();
    return reply.sendFile(name, assets, { immutable: true, maxAge: "365d" });
  });
}
