import { request } from "node:https";

export interface Answer {
  status: number;
  headers: Record<string, string | string[] | undefined>;
  body: string;
}

/**
 * One HTTPS request to a proxy on loopback, whatever the host's resolver makes of `*.localhost`.
 * @param url with the public host name, which is used for SNI and Host
 */
export function httpsGet(
  url: string,
  {
    ca,
    headers = {},
    timeoutMs = 10_000,
  }: { ca: string; headers?: Record<string, string>; timeoutMs?: number },
): Promise<Answer> {
  const { hostname, port, host, pathname, search } = new URL(url);
  return new Promise((resolve, reject) => {
    const call = request(
      {
        host: "127.0.0.1",
        port: port === "" ? 443 : Number(port),
        servername: hostname,
        path: pathname + search,
        headers: { host, ...headers },
        ca,
        agent: false,
        timeout: timeoutMs,
      },
      (response) => {
        let body = "";
        response.setEncoding("utf8");
        response.on("data", (chunk: string) => {
          body += chunk;
        });
        response.on("end", () =>
          resolve({ status: response.statusCode ?? 0, headers: response.headers, body }),
        );
        response.on("error", reject);
      },
    );
    call.on("timeout", () => call.destroy(new Error(`no answer from ${url} within ${timeoutMs / 1000} s`)));
    call.on("error", reject);
    call.end();
  });
}
