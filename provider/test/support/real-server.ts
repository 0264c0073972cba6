import type { IncomingMessage, ServerResponse } from "node:http";
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

export interface RealServerOptions {
  /** Told about every request that arrives. A status is answered instead of what the server would; a promise is waited for. */
  readonly onRequest?: (request: { method: string; url: string }) => number | Promise<undefined> | undefined;
  /** For which requests the connection breaks when they are done, in place of an answer. */
  readonly losesAnswer?: (request: { method: string; url: string }) => boolean;
  /** Terraform installs the built provider from a filesystem mirror, instead of using the one in this process. */
  readonly shipped?: boolean;
}

/** @param clusters of which one proxy each is connected */
export async function openRealServer(
  clusters: readonly string[] = [CLUSTER],
  { onRequest, losesAnswer, shipped = false }: RealServerOptions = {},
): Promise<RealServer> {
  const rest = await startRestServer();
  interceptRequests(rest, { onRequest, losesAnswer });
  rest.nowMs = Date.now();
  await rest.setUp();
  // It has applied whatever will be: deletions wait for that.
  for (const cluster of clusters)
    await rest.connectProxy({ cluster, appliedRevision: Number.MAX_SAFE_INTEGER });
  await rest.app.listen({ host: "127.0.0.1", port: 0 });
  const { port } = rest.app.server.address() as AddressInfo;
  const url = `http://127.0.0.1:${port}`;
  const workspace = shipped
    ? await TerraformWorkspace.shipped(url, rest.token)
    : await TerraformWorkspace.against(url, rest.token);
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

/** At the socket: requests that others make inside the server do not come by here. */
function interceptRequests(
  { app }: RestServer,
  { onRequest, losesAnswer }: Pick<RealServerOptions, "onRequest" | "losesAnswer">,
): void {
  if (onRequest === undefined && losesAnswer === undefined) return;
  const [serve] = app.server.listeners("request") as [(...exchange: unknown[]) => void];
  app.server.removeAllListeners("request");
  app.server.on("request", async (request: IncomingMessage, response: ServerResponse) => {
    const { method = "", url = "" } = request;
    if (losesAnswer?.({ method, url })) {
      const { socket } = response;
      for (const name of ["write", "end"] as const)
        Object.assign(response, { [name]: () => socket?.destroy() ?? response });
    }
    const status = await onRequest?.({ method, url });
    if (status === undefined) return serve(request, response);
    request.resume();
    response.writeHead(status, { "content-type": "application/json" });
    response.end(JSON.stringify({ message: "injected failure", code: status }));
  });
}
