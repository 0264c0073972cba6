import type { AccountId } from "@netbird-proxy/proto";
import type { IncomingConnection, Key, TunnelSocket } from "@netbird-proxy/tunnel";
import type { OverlayIdentity, OverlayOrigin } from "../access/tunnel-login.ts";
import type { TableHolder } from "../route/host-table.ts";
import { readPreamble } from "./accept.ts";
import { peekServerName } from "./peek-server-name.ts";
import type { TlsFront } from "./tls-front.ts";

const PORTS: readonly number[] = [80, 443];
/** First byte of a TLS record with a handshake message (RFC 8446 §5.1). */
const TLS_HANDSHAKE = 22;

/** What is asked of the tunnel that a connection comes out of. */
export interface OverlayGate {
  readonly accountId: AccountId;
  hasAddress(address: string): boolean;
  peerAt(publicKey: Key, address: string): { readonly identity: OverlayIdentity | undefined } | undefined;
}

/**
 * Listens inside the overlays: TCP 80 and 443 of the proxy's own addresses, for peers that come from theirs. Both ports take
 * TLS and plain HTTP, as NetBird's proxy does. Everything else is refused as if nobody listened.
 */
export class OverlayFront {
  readonly #front: TlsFront;
  readonly #table: TableHolder;
  #closed = false;

  constructor(front: TlsFront, table: TableHolder) {
    this.#front = front;
    this.#table = table;
  }

  take(gate: OverlayGate, incoming: IncomingConnection): void {
    const { localAddress, localPort, remoteAddress, peer: publicKey } = incoming;
    const isPeer = gate.peerAt(publicKey, remoteAddress) !== undefined;
    if (this.#closed || !isPeer || !PORTS.includes(localPort) || !gate.hasAddress(localAddress)) {
      incoming.refuse("refused");
      return;
    }
    void this.#sort(incoming.accept(), {
      accountId: gate.accountId,
      identity: () => gate.peerAt(publicKey, remoteAddress)?.identity,
    });
  }

  async #sort(socket: TunnelSocket, origin: OverlayOrigin): Promise<void> {
    // Between two owners nobody else listens, and an unheard error would end the process.
    socket.on("error", () => {});
    let tls = false;
    const ok = await readPreamble(socket, (data) => {
      tls = data[0] === TLS_HANDSHAKE;
      return 0;
    });
    if (!ok) return;
    if (!tls) {
      this.#front.takePlain(socket, origin);
      return;
    }
    const serverName = await peekServerName(socket);
    if (serverName === undefined) return;
    const service = this.#table.current.http.get(serverName);
    const authority = service?.accountId === origin.accountId ? service.access.clientAuthority : undefined;
    this.#front.takeOverlay(socket, origin, { serverName, authority });
  }

  /** Accepts no more; what is accepted goes on. */
  close(): void {
    this.#closed = true;
  }
}
