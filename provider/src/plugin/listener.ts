import { randomBytes } from "node:crypto";
import { rmSync } from "node:fs";
import { join } from "node:path";
import { Server, ServerCredentials } from "@grpc/grpc-js";
import { brokerImplementation, brokerService } from "./broker.ts";
import { controllerImplementation, controllerService } from "./controller.ts";
import { providerImplementation, providerService } from "./provider-service.ts";
import type { Runtime } from "./runtime.ts";
import { stdioImplementation, stdioService } from "./stdio.ts";

export interface ListenOptions {
  readonly credentials: ServerCredentials;
  /** Folder for a Unix socket; undefined to use TCP on loopback. */
  readonly socketFolder: string | undefined;
  readonly ports: { readonly first: number; readonly last: number };
  /** Called when the host has no more use for us. */
  readonly shutdown: () => void;
}

export interface Listener {
  readonly network: "unix" | "tcp";
  readonly address: string;
  /** Stops at once and removes the socket. */
  close(): void;
}

/** Serves the provider. */
export async function listen(runtime: Runtime, options: ListenOptions): Promise<Listener> {
  // grpc-js refuses messages over 4 MiB by default; Terraform sends whole configurations.
  const server = new Server({ "grpc.max_receive_message_length": -1, "grpc.max_send_message_length": -1 });
  server.addService(providerService, providerImplementation(runtime) as never);
  server.addService(controllerService, controllerImplementation(options.shutdown));
  server.addService(stdioService, stdioImplementation);
  server.addService(brokerService, brokerImplementation);

  if (options.socketFolder !== undefined) {
    const path = join(options.socketFolder, `plugin${randomBytes(5).toString("hex")}`);
    await bind(server, `unix:${path}`, options.credentials);
    return {
      network: "unix",
      address: path,
      close() {
        server.forceShutdown();
        rmSync(path, { force: true });
      },
    };
  }
  for (let port = options.ports.first; port <= options.ports.last; port += 1) {
    const address = `127.0.0.1:${port}`;
    try {
      await bind(server, address, options.credentials);
    } catch {
      continue;
    }
    return { network: "tcp", address, close: () => server.forceShutdown() };
  }
  throw new Error(`no free port on 127.0.0.1 from ${options.ports.first} to ${options.ports.last}`);
}

function bind(server: Server, address: string, credentials: ServerCredentials): Promise<void> {
  return new Promise((resolve, reject) => {
    server.bindAsync(address, credentials, (error) => (error === null ? resolve() : reject(error)));
  });
}

/** The host's certificate is the only one that may connect, and ours the only one it accepts. */
export function mutualTls(clientCertificatePem: string, privateKeyPem: string, certificatePem: string) {
  return ServerCredentials.createSsl(
    Buffer.from(clientCertificatePem),
    [{ private_key: Buffer.from(privateKeyPem), cert_chain: Buffer.from(certificatePem) }],
    true,
  );
}

export function plaintext() {
  return ServerCredentials.createInsecure();
}
