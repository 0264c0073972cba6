import type { AddressInfo } from "node:net";
import { CLUSTER, type RestServer, startRestServer } from "../../../server/test/support/rest-server.ts";
import { TerraformWorkspace } from "./terraform.ts";

/** A working folder of terraform, and the real management server on a real database that it talks to. */
export interface RealServer {
  readonly rest: RestServer;
  readonly url: string;
  readonly workspace: TerraformWorkspace;
  /** Makes an object over REST and returns its id. */
  make(path: string, body: object): Promise<string>;
  close(): Promise<void>;
}

/**
 * @param clusters of which one proxy each is connected
 * @param options.onRequest told about every request that arrives
 */
export async function openRealServer(
  clusters: readonly string[] = [CLUSTER],
  { onRequest }: { readonly onRequest?: (request: { method: string; url: string }) => void } = {},
): Promise<RealServer> {
  const rest = await startRestServer();
  // At the socket: requests that others make inside the server do not come by here.
  rest.app.server.prependListener("request", ({ method = "", url = "" }) => onRequest?.({ method, url }));
  rest.nowMs = Date.now();
  await rest.setUp();
  for (const cluster of clusters) await rest.connectProxy({ cluster });
  await rest.app.listen({ host: "127.0.0.1", port: 0 });
  const { port } = rest.app.server.address() as AddressInfo;
  const url = `http://127.0.0.1:${port}`;
  const workspace = await TerraformWorkspace.against(url, rest.token);
  return {
    rest,
    url,
    workspace,
    async make(path, body) {
      const { status, text, body: made } = await rest.call("POST", path, body);
      if (status !== 200) throw new Error(`POST ${path}: ${status} ${text}`);
      return made.id;
    },
    async close() {
      await workspace.close();
      await rest.close();
    },
  };
}
