import { countAlerts } from "../../store/certificate-alerts.ts";
import type { App } from "../app-type.ts";
import type { Metrics } from "../metrics.ts";
import type { HttpPorts } from "../ports.ts";

/** For load balancers and Prometheus; no token needed, and nothing secret in them. */
export function registerHealthRoutes(app: App, { context }: HttpPorts, metrics: Metrics): void {
  const route = { config: { public: true }, schema: { hide: true } } as const;
  const { db } = context.store;

  app.get("/healthz", route, async () => ({ status: "ok" }));

  app.get("/readyz", route, async (_request, reply) => {
    try {
      await db("server_state").first("key");
      return { status: "ok" };
    } catch (error) {
      app.log.error({ err: error }, "database is not ready");
      return reply.status(503).send({ status: "database unavailable" });
    }
  });

  app.get("/metrics", route, async (_request, reply) => {
    const count = async (table: string, where = {}) => {
      const row = await db(table).where(where).count({ n: "*" }).first();
      return Number(row?.n ?? 0);
    };
    const text = await metrics.render(
      {
        services: await count("services"),
        peers: await count("peers"),
        proxies: await count("proxies"),
        connectedProxies: await count("proxies", { connected: true }),
      },
      await countAlerts(db),
    );
    return reply
      .header("content-type", metrics.contentType)
      .serializer((body: unknown) => String(body))
      .send(text);
  });
}
