import { ArgumentError, type ProviderFunction } from "../framework/provider-function.ts";

const HTTPS_PORT = 443;

export const serviceUrl: ProviderFunction = {
  name: "service_url",
  summary: "The address of a service.",
  description:
    "Where visitors reach a service with this mode, domain and port, before it exists: `https://shop.example.com`, `tcp://db.example.com:5432`.",
  parameters: [
    { name: "mode", type: "string", description: "`http`, `tcp`, `udp` or `tls`." },
    { name: "domain", type: "string", description: "Domain of the service." },
    {
      name: "port",
      type: "number",
      description: "Port on the proxy; null in mode http is 443.",
      nullable: true,
    },
  ],
  returns: "string",
  call(mode, domain, port) {
    if (!["http", "tcp", "udp", "tls"].includes(mode as string))
      throw new ArgumentError(0, `"${String(mode)}" is not one of http, tcp, udp, tls`);
    if (domain === "" || /[^a-z0-9_.-]/.test(domain as string))
      throw new ArgumentError(1, `"${String(domain)}" is not a domain name in lower case`);
    if (port !== null && !(Number.isInteger(port) && (port as number) >= 1 && (port as number) <= 65_535))
      throw new ArgumentError(2, "A port is a whole number between 1 and 65535");
    if (mode === "http")
      return port === null || port === HTTPS_PORT ? `https://${domain}` : `https://${domain}:${port}`;
    if (port === null) throw new ArgumentError(2, `A service of mode ${mode} has a port of its own`);
    return `${mode}://${domain}:${port}`;
  },
};
