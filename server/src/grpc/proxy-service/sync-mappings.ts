import { type handleBidiStreamingCall, status as Status } from "@grpc/grpc-js";
import { AppError } from "@netbird-proxy/proto";
import type { management } from "@netbird-proxy/proto/grpc";
import { CallFailure } from "../call-failure.ts";
import { proxyCallerOf } from "../callers.ts";
import { halfClosed, serveStream } from "../serve-call.ts";
import { type MappingPorts, type ProxyProgress, runMappingSession } from "./mapping-session.ts";
import { syncResponse } from "./sync-response.ts";

/** A client that opens the stream and says nothing. */
const INIT_TIMEOUT_MS = 30_000;
/** Stock proxies give up on a batch themselves after two minutes. */
const ACK_TIMEOUT_MS = 180_000;

type Request = management.SyncMappingsRequest;
type Response = management.SyncMappingsResponse;

/**
 * The control stream with acknowledgements. The messages that start it go out one by one, each after the ack of the one
 * before; later ones are only held back by flow control. Source: reference §5 and §7.
 */
export function syncMappings(ports: MappingPorts): handleBidiStreamingCall<Request, Response> {
  return (call) =>
    serveStream<Request, Response>(call, ports.log, async (life) => {
      /** Revisions of the messages that wait for an ack, oldest first; 0 while more belong to one. */
      const unacknowledged: number[] = [];
      let progress: ProxyProgress | undefined;
      let onInit: (init: management.SyncMappingsInit) => void = () => {};
      let onAck = () => {};

      function receive({ msg }: Request): void {
        if (!progress) {
          if (msg?.$case === "init") onInit(msg.value);
          else life.end(invalid("the first message must be init"));
        } else if (msg?.$case === "ack") {
          acknowledge(progress, msg.value);
        } else {
          life.end(new CallFailure(Status.UNKNOWN, "only acks may follow the first message"));
        }
      }

      function acknowledge(noted: ProxyProgress, ack: management.SyncMappingsAck): void {
        const sent = unacknowledged.shift() ?? 0;
        // A stock proxy acks after it has applied, without saying what; ours says it. In the middle of a snapshot it can
        // only name what it had before, perhaps of another database.
        const applied = Math.min(sent, Number(ack.appliedRevision) || sent);
        if (applied > 0) noted.applied(applied);
        if (ack.rejections.length > 0) noted.rejected(ack.rejections);
        onAck();
      }

      call.on("data", receive);
      call.on("end", () => life.end(halfClosed()));
      const init = await withDeadline<management.SyncMappingsInit>(
        INIT_TIMEOUT_MS,
        life.signal,
        (resolve) => {
          onInit = resolve;
        },
        () => invalid("no init message came"),
      );
      if (!init) return;
      await runMappingSession(ports, proxyCallerOf(call), call.getPeer(), init, life as never, {
        accepted(noted) {
          progress = noted;
        },
        async deliver(message) {
          unacknowledged.push(message.revision);
          await life.send(syncResponse(message));
          if (!message.initial) return;
          await withDeadline<void>(
            ACK_TIMEOUT_MS,
            life.signal,
            (resolve) => {
              onAck = () => {
                if (unacknowledged.length === 0) resolve();
              };
              onAck();
            },
            () => new CallFailure(Status.DEADLINE_EXCEEDED, "the snapshot was not acknowledged in time"),
          );
        },
      });
    });
}

function invalid(message: string): AppError {
  return new AppError("request.malformed", message, { hint: "Send SyncMappingsInit first." });
}

/** @returns undefined when the signal fires first. @throws what `late` makes when the time is up */
async function withDeadline<T>(
  timeoutMs: number,
  signal: AbortSignal,
  start: (resolve: (value: T) => void) => void,
  late: () => Error,
): Promise<T | undefined> {
  return new Promise<T | undefined>((resolve, reject) => {
    const timer = setTimeout(() => reject(late()), timeoutMs);
    const onAbort = () => {
      clearTimeout(timer);
      resolve(undefined);
    };
    if (signal.aborted) return onAbort();
    signal.addEventListener("abort", onAbort, { once: true });
    start((value) => {
      clearTimeout(timer);
      signal.removeEventListener("abort", onAbort);
      resolve(value);
    });
  });
}
