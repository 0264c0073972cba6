/** A certificate chain with its key, as it is kept. */
export interface IssuedPair {
  readonly certPem: string;
  readonly keyPem: string;
}

/** The right to order for a name; nobody else in reach of the vault has it at the same time. */
export interface Lease {
  /** What to order: the name that was asked for, or a wildcard that covers it. */
  readonly orderName: string;
  /** Set when the order is to use dns-01. */
  readonly dns: DnsChallenge | undefined;
  /** Fires when the right is lost: another one may order from now on. */
  readonly lost: AbortSignal;
  /** Keeps the result where everybody in reach finds it, then gives the right back. */
  save(pair: IssuedPair): Promise<void>;
  release(): Promise<void>;
}

/** Gets records into the domain's DNS. */
export interface DnsChallenge {
  /** Resolves when the authority can be told to look. @throws {DnsProblem} when there will be no record */
  present(value: string): Promise<void>;
}

/** The vault does not answer in the middle of an order, or gave the right to somebody else. Says nothing of the authority. */
export class VaultUnavailable extends Error {}

export type Acquired =
  /** Somebody has what we want: nothing to order. */
  | { kind: "certificate"; pair: IssuedPair }
  | { kind: "lease"; lease: Lease }
  /** Somebody else is at it; look again then. */
  | { kind: "busy"; retryInMs: number };

/** Where certificates, the account key and the right to order live: a folder, or the server for a cluster. */
export interface Vault {
  /** @param have fingerprint of the certificate in use, which is not good enough any more; empty for none */
  acquire(name: string, have: string): Promise<Acquired>;
  load(name: string): Promise<IssuedPair | undefined>;
  remove(name: string): Promise<void>;
  /** The account key for a directory; made by whoever comes first. */
  accountKey(directoryUrl: string, make: () => Promise<string>): Promise<string>;
}
