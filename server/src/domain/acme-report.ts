/** How a proxy orders certificates, by its own words. */
export interface AcmeReport {
  directoryUrl: string;
  challenge: "tls-alpn-01" | "http-01" | "dns-01";
  /** What a CAA record has to name; empty when the authority does not say. */
  caaIdentities: string[];
  ordersInFlight: number;
  ordersWaiting: number;
  maxOrders: number;
  /** The authority wants no order before; null: it may be asked now. */
  pausedUntil: number | null;
  /** Why, when paused: reason code and the authority's words. */
  pausedReason: string;
  pausedMessage: string;
}
