import { createServer, type Server } from "node:http";

/** A small HTTP service on loopback that says who it is and what reached it. */
export async function startSampleService(name: string, port: number): Promise<Server> {
  const server = createServer((request, response) => {
    response.setHeader("content-type", "application/json");
    response.end(
      `${JSON.stringify({
        service: name,
        message: `Hello from "${name}", which only the agent can reach.`,
        method: request.method,
        path: request.url,
        host: request.headers.host,
        forwarded_for: request.headers["x-forwarded-for"],
        forwarded_proto: request.headers["x-forwarded-proto"],
      })}\n`,
    );
  });
  await new Promise<void>((resolve, reject) => {
    server.once("error", reject);
    server.listen(port, "127.0.0.1", resolve);
  });
  return server;
}
