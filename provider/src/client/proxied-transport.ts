import type { EnvHttpProxyAgent } from "undici";
import { NotSent, type Transport, type TransportOptions } from "./transport.ts";

export interface ForwardProxy {
  readonly http: string | undefined;
  readonly https: string | undefined;
  /** As in NO_PROXY. */
  readonly except: string;
}

const NEVER_CONNECTED = new Set(["ECONNREFUSED", "ENOTFOUND", "EAI_AGAIN", "UND_ERR_CONNECT_TIMEOUT"]);

/** Through the forward proxy that HTTP_PROXY and HTTPS_PROXY name. Loads undici, which is why it is not the default. */
export function proxiedTransport(
  options: TransportOptions,
  proxy: ForwardProxy,
): { send: Transport; close: () => void } {
  let loading: Promise<EnvHttpProxyAgent> | undefined;
  const load = async () => {
    const undici = await import("undici");
    const { rootCertificates } = await import("node:tls");
    const ca =
      options.caCertificatePem === undefined ? undefined : [...rootCertificates, options.caCertificatePem];
    const tls = { ca, rejectUnauthorized: !options.insecure };
    return new undici.EnvHttpProxyAgent({
      httpProxy: proxy.http,
      httpsProxy: proxy.https,
      noProxy: proxy.except,
      connections: options.maxConnections,
      connect: tls,
      requestTls: tls,
    });
  };
  return {
    async send(request) {
      loading ??= load();
      const agent = await loading;
      try {
        const answer = await agent.request({
          origin: request.url.origin,
          path: request.url.pathname + request.url.search,
          method: request.method as "GET",
          headers: request.headers,
          body: request.body,
          signal: request.signal,
        });
        const headers: Record<string, string | undefined> = {};
        for (const [name, value] of Object.entries(answer.headers))
          headers[name] = Array.isArray(value) ? value[0] : value;
        return { status: answer.statusCode, headers, body: await answer.body.text() };
      } catch (error) {
        const { code = "" } = error as NodeJS.ErrnoException;
        throw NEVER_CONNECTED.has(code) ? new NotSent(error as NodeJS.ErrnoException) : error;
      }
    },
    close() {
      void loading?.then((agent) => agent.destroy());
    },
  };
}
