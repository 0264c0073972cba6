import type { ApiClient } from "../../client/api-client.ts";
import type { Service } from "../../client/api-types.ts";
import { isGone } from "../../client/failure.ts";
import { sleep } from "../../client/sleep.ts";
import { DiagnosticError } from "../../framework/diagnostics.ts";
import { durationText } from "../../framework/duration.ts";
import type { Log } from "../../framework/resource.ts";

const FIRST_POLL_MS = 150;
const SLOWEST_POLL_MS = 2_000;
const GROWTH = 1.5;

/**
 * Live means that a probe went through a proxy to the target, with the newest version of the service. A server that
 * does not count revisions can only say "active".
 */
export function isLive({ meta }: Service): boolean {
  if (meta.status !== "active") return false;
  return meta.revision === undefined || (meta.live_revision ?? 0) >= meta.revision;
}

export interface WaitOptions {
  readonly timeoutMs: number;
  readonly signal: AbortSignal;
  readonly log: Log;
  /** Told about every newer version, so that whoever waits knows the latest when the wait fails. */
  readonly onUpdate: (service: Service) => void;
}

/** @throws {DiagnosticError} with the server's reason, when it is not live in time */
export async function waitUntilLive(api: ApiClient, first: Service, options: WaitOptions): Promise<Service> {
  const startedMs = Date.now();
  let service = first;
  let pollMs = FIRST_POLL_MS;
  while (!isLive(service)) {
    const elapsedMs = Date.now() - startedMs;
    if (elapsedMs >= options.timeoutMs) throw notLive(service, elapsedMs);
    await sleep(Math.min(pollMs, options.timeoutMs - elapsedMs), options.signal);
    pollMs = Math.min(SLOWEST_POLL_MS, pollMs * GROWTH);
    service = await api.get<Service>(servicePath(service.id), options.signal);
    options.onUpdate(service);
    options.log("info", "waiting for the service to be live", {
      service_id: service.id,
      domain: service.domain,
      status: service.meta.status,
      reason: service.meta.status_reason?.code,
      elapsed_ms: Date.now() - startedMs,
    });
  }
  return service;
}

function notLive(service: Service, elapsedMs: number): DiagnosticError {
  const { status, status_reason: reason } = service.meta;
  const lines = [`After ${durationText(elapsedMs)} the service is still "${status}".`];
  if (reason !== undefined) {
    lines.push(`Reason: ${reason.message} (${reason.code}).`);
    if (reason.hint !== "") lines.push(`What to do: ${reason.hint}`);
  } else if (status === "active") {
    lines.push("Proxies still serve the version before this one.");
  }
  lines.push(
    "",
    "The service is stored on the server. Raise `timeouts`, or set `wait_for_live = false` to not wait for it.",
  );
  return new DiagnosticError({ summary: `${service.domain} is not live`, detail: lines.join("\n") });
}

export async function waitUntilGone(
  api: ApiClient,
  id: string,
  options: { readonly timeoutMs: number; readonly signal: AbortSignal },
): Promise<void> {
  const startedMs = Date.now();
  for (let pollMs = FIRST_POLL_MS; ; pollMs = Math.min(SLOWEST_POLL_MS, pollMs * GROWTH)) {
    try {
      await api.get<Service>(servicePath(id), options.signal);
    } catch (error) {
      if (isGone(error)) return;
      throw error;
    }
    const elapsedMs = Date.now() - startedMs;
    if (elapsedMs >= options.timeoutMs)
      throw new DiagnosticError({
        summary: "The service is still there",
        detail: `The server accepted the deletion ${durationText(elapsedMs)} ago and still answers for ${id}.`,
      });
    await sleep(pollMs, options.signal);
  }
}

export function servicePath(id: string): string {
  return `/reverse-proxies/services/${encodeURIComponent(id)}`;
}
