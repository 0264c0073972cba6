import type { ProviderEnvironment } from "../config.ts";
import type { Log, Provider } from "../framework/resource.ts";
import { makeOneUseCertificate } from "./certificate.ts";
import { handshakeLine, MAGIC_COOKIE, PROTOCOL_VERSION } from "./handshake.ts";
import { type Listener, listen, mutualTls, plaintext } from "./listener.ts";
import { reattachVariable } from "./reattach.ts";
import { Runtime } from "./runtime.ts";

export interface StartOptions {
  readonly environment: ProviderEnvironment;
  readonly log: Log;
  /** Writes to stdout; only the handshake line may go there. */
  readonly print: (text: string) => void;
  readonly shutdown: () => void;
}

/** @returns why a host cannot use us, or undefined when it can */
export function refusal(environment: ProviderEnvironment): string | undefined {
  if (environment.magicCookie !== MAGIC_COOKIE) {
    return (
      "This file is a Terraform provider. Terraform starts it by itself; there is nothing to run by hand.\n" +
      "To debug it, start it with --debug and give Terraform the line it prints."
    );
  }
  const versions = environment.protocolVersions;
  if (versions.length > 0 && !versions.includes(PROTOCOL_VERSION))
    return `This provider speaks plugin protocol ${PROTOCOL_VERSION}; this host speaks ${versions.join(", ")}. Use Terraform 1.0 or newer.`;
  return undefined;
}

/** Serves one Terraform process, and tells it where. */
export async function startPlugin<C>(
  // biome-ignore lint/suspicious/noExplicitAny: the provider's own attributes do not matter here
  provider: Provider<any, C>,
  options: StartOptions,
): Promise<{ runtime: Runtime; listener: Listener }> {
  const { environment } = options;
  const runtime = new Runtime(provider, options.log);
  const certificate =
    environment.clientCertificatePem === undefined ? undefined : makeOneUseCertificate(Date.now());
  const listener = await listen(runtime, {
    credentials:
      certificate === undefined
        ? plaintext()
        : mutualTls(environment.clientCertificatePem!, certificate.privateKeyPem, certificate.certificatePem),
    socketFolder: environment.socketFolder,
    ports: environment.ports,
    shutdown: options.shutdown,
  });
  options.print(handshakeLine(listener.network, listener.address, certificate?.certificateDer));
  return { runtime, listener };
}

export interface DebugProvider {
  /** The value for TF_REATTACH_PROVIDERS. */
  readonly reattach: string;
  close(): void;
}

/** Serves any number of Terraform commands one after another, for debugging and for tests. */
export async function startForDebugging<C>(
  // biome-ignore lint/suspicious/noExplicitAny: as above
  provider: Provider<any, C>,
  providerAddress: string,
  environment: ProviderEnvironment,
  log: Log,
): Promise<DebugProvider> {
  const runtime = new Runtime(provider, log);
  const listener = await listen(runtime, {
    credentials: plaintext(),
    socketFolder: environment.socketFolder,
    ports: environment.ports,
    shutdown: () => {},
  });
  return {
    reattach: reattachVariable(providerAddress, listener, process.pid),
    close() {
      listener.close();
      if (runtime.client === undefined) return;
      void runtime.closeLeftovers().finally(() => provider.close?.(runtime.client as C));
    },
  };
}
