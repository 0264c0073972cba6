/** When each proxy last called ReportState on this server. */
export interface ReportTimes {
  note(proxyId: string, atMs: number): void;
  hasReportedSince(proxyId: string, sinceMs: number): boolean;
  /** True for the first report of a proxy since this server started. */
  isFirst(proxyId: string): boolean;
}

export function createReportTimes(): ReportTimes {
  const times = new Map<string, number>();
  return {
    note: (proxyId, atMs) => times.set(proxyId, atMs),
    hasReportedSince: (proxyId, sinceMs) => (times.get(proxyId) ?? 0) >= sinceMs,
    isFirst: (proxyId) => !times.has(proxyId),
  };
}
