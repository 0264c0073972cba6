import type { Peer } from "../../src/session/peer.ts";
import type { HeldConnection } from "../../src/stack/ip-stack.ts";
import { type TwoPeers, type TwoPeersOptions, twoPeers } from "./simulation.ts";
import { Transfer } from "./transfer.ts";

export interface TcpPair extends TwoPeers {
  readonly client: Transfer;
  /** Bob's end; there once the SYN arrived. */
  readonly server: () => Transfer;
}

export interface TcpPairOptions extends TwoPeersOptions {
  readonly clientBytes?: number;
  readonly serverBytes?: number;
  /** False keeps both writing sides open after their bytes. */
  readonly finish?: boolean;
  readonly onConnection?: (held: HeldConnection<Peer>) => void;
}

/** Alice dials bob, whose end is there on return unless a test decides about that itself; each side writes its pattern bytes and, unless told otherwise, finishes. */
export function tcpPair(options: TcpPairOptions = {}): TcpPair {
  const { clientBytes = 0, serverBytes = 0, finish = true } = options;
  let server: Transfer | undefined;
  const accept = (held: HeldConnection<Peer>) => {
    const connection = held.accept();
    if (connection !== undefined) server = new Transfer(connection, serverBytes, { finish });
  };
  const peers = twoPeers({
    ...options,
    bob: { onConnection: options.onConnection ?? accept, ...options.bob },
  });
  const opened = peers.aliceDevice.stack.connect(peers.bobAddress, 80, 30_000);
  if (!opened.ok) throw new Error(opened.why);
  const client = new Transfer(opened.connection, clientBytes, { finish });
  if (options.onConnection === undefined && options.bob === undefined) {
    peers.simulation.runUntil(() => server !== undefined, 30_000);
  }
  return {
    ...peers,
    client,
    server: () => {
      if (server === undefined) throw new Error("no connection arrived");
      return server;
    },
  };
}
