import type { Duplex } from "node:stream";
import { type Answer, type AnswerCode, answer } from "../answer/catalogue.ts";
import { sendAnswer } from "../answer/send-answer.ts";
import type { Exchange } from "../exchange.ts";
import type { HttpTarget } from "../route/service.ts";
import { chooseTarget, hasAlternative } from "./choose-target.ts";
import type { UpstreamHandler } from "./connection.ts";
import { errorCode } from "./dial.ts";
import { RequestBody } from "./request-body.ts";
import { upstreamHeaders, upstreamPath } from "./request-headers.ts";
import { downstreamHeaders } from "./response-headers.ts";
import { relayUpgrade, upgradeHeaders, verifyUpgrade, websocketKey } from "./upgrade.ts";

/** Methods that may be sent twice without doing more than once (RFC 9110 §9.2.2). */
const repeatable = new Set(["GET", "HEAD", "OPTIONS", "TRACE", "PUT", "DELETE", "PROPFIND", "REPORT"]);

/** How long a target may take to accept a connection while another one of its path is waiting. */
const FAIL_OVER_AFTER_MS = 3000;

/**
 * Sends the request to a target of its path and the target's answer to the visitor, both as they come. Goes on to the next
 * target when one cannot be connected to, or breaks before it answers a request that may be repeated.
 */
export function forward(x: Exchange): Answer | undefined {
  const forwarding = new Forwarding(x);
  return forwarding.run() ? undefined : overloaded();
}

const overloaded = () => answer("proxy.overloaded", { headers: ["retry-after", "1"] });

class Forwarding implements UpstreamHandler {
  readonly #x: Exchange;
  #body: RequestBody | undefined;
  #abort: (() => void) | undefined;
  #resume: (() => void) | undefined;
  #gone = false;
  #headTimer: NodeJS.Timeout | undefined;
  #timedOut = false;
  #websocketKey = "";
  #hasBody = true;
  #repeatable = false;
  /** Targets that have failed this request. */
  #tried: Set<HttpTarget> | undefined;

  constructor(x: Exchange) {
    this.#x = x;
  }

  run(): boolean {
    const x = this.#x;
    const { down } = x;
    if (down.upgrade !== undefined) this.#websocketKey = websocketKey(x);
    if (down.body !== undefined) {
      this.#body = new RequestBody(down.body, () => this.#headTimer?.refresh());
    }
    down.onClose = (complete) => this.#downstreamClosed(complete);
    down.onDrain = () => this.#drained();
    this.#repeatable = this.#body === undefined && down.upgrade === undefined && repeatable.has(down.method);
    if (this.#sendToNext()) return true;
    down.onClose = undefined;
    down.onDrain = undefined;
    this.#body?.destroy();
    return false;
  }

  /** @returns false when every target has failed or has as many requests as it may have */
  #sendToNext(): boolean {
    const x = this.#x;
    for (;;) {
      const target = chooseTarget(x.route!, this.#tried);
      if (target === undefined) return false;
      if (this.#send(target)) return true;
      this.#tried ??= new Set();
      this.#tried.add(target);
    }
  }

  #send(target: HttpTarget): boolean {
    const x = this.#x;
    const { down } = x;
    x.target = target;
    const headers = upstreamHeaders(x);
    if (down.upgrade !== undefined) upgradeHeaders(x, this.#websocketKey, headers);
    const { dialTimeoutMs } = target;
    return target.upstream.send(
      {
        method: down.method,
        path: upstreamPath(x),
        headers,
        body: this.#body ?? null,
        upgrade: down.upgrade,
      },
      this,
      {
        dialTimeoutMs: hasAlternative(x.route!, target, this.#tried)
          ? Math.min(dialTimeoutMs, FAIL_OVER_AFTER_MS)
          : dialTimeoutMs,
        repeatable: this.#repeatable,
        reachedMs: target.probe.lastSuccessMs,
      },
    );
  }

  // What the upstream calls.

  started(abort: () => void): void {
    this.#abort = abort;
    if (this.#gone) {
      abort();
      return;
    }
    const { route, target } = this.#x;
    if (this.#repeatable && route!.targets.length > 1) target!.probe.whenLost(this.#moveOn);
    const limitMs = target!.headerTimeoutMs;
    if (limitMs > 0 && this.#headTimer === undefined) {
      this.#headTimer = setTimeout(() => {
        this.#timedOut = true;
        this.#abort?.();
      }, limitMs);
    }
  }

  /** A peer that is switched off says nothing: the request would wait for its whole time. */
  readonly #moveOn = (): void => {
    const { route, target } = this.#x;
    if (hasAlternative(route!, target!, this.#tried)) this.#abort?.();
  };

  head(status: number, raw: Buffer[], resume: () => void): boolean {
    const x = this.#x;
    if (status < 200) {
      // 100 answers an Expect that we have answered ourselves; 101 comes through `upgraded`.
      if (status === 103) x.down.informational(status, downstreamHeaders(x, raw));
      return true;
    }
    this.#stopWaiting();
    x.upstreamAnsweredMs = performance.now();
    x.target!.probe.trafficSucceeded(x.upstreamAnsweredMs);
    if (this.#gone) return true;
    this.#resume = resume;
    this.#hasBody = x.down.method !== "HEAD" && status !== 204 && status !== 304;
    x.status = status;
    x.down.head(status, downstreamHeaders(x, raw), this.#hasBody);
    return true;
  }

  data(chunk: Buffer): boolean {
    if (this.#gone) return true;
    return this.#x.down.write(chunk);
  }

  complete(trailers: Buffer[]): void {
    this.#abort = undefined;
    if (this.#gone) return;
    if (trailers.length === 0) this.#x.down.end();
    else this.#x.down.end(trailers.map((part) => part.toString("latin1")));
  }

  upgraded(status: number, raw: Buffer[], socket: Duplex): void {
    const x = this.#x;
    this.#abort = undefined;
    this.#stopWaiting();
    x.upstreamAnsweredMs = performance.now();
    if (this.#gone) {
      socket.destroy();
      return;
    }
    if (!verifyUpgrade(x, this.#websocketKey, raw)) {
      socket.destroy();
      this.#fail(answer("upstream.bad_response"));
      return;
    }
    x.target!.probe.trafficSucceeded(x.upstreamAnsweredMs);
    x.status = x.down.httpVersion === "2" ? 200 : status;
    x.down.onClose = undefined;
    relayUpgrade(x, raw, socket);
  }

  failed(error: Error, sent: boolean): void {
    this.#abort = undefined;
    const x = this.#x;
    if (this.#gone) {
      this.#stopWaiting();
      this.#body?.destroy();
      return;
    }
    const code = this.#timedOut ? "upstream.timeout" : failureCode(error);
    x.parts.log.debug(
      {
        requestId: x.requestId,
        serviceId: x.service!.id,
        target: x.target!.authority,
        code,
        err: error,
      },
      "request to target failed",
    );
    const untried = (error as { untried?: boolean }).untried === true;
    if (code !== "request.malformed" && !untried) x.target!.probe.trafficFailed();
    const other = !sent || (this.#repeatable && !x.down.headSent && code === "upstream.connection_failed");
    if (other && this.#failOver()) return;
    this.#stopWaiting();
    this.#body?.destroy();
    this.#fail(answer(code));
  }

  #failOver(): boolean {
    const x = this.#x;
    if (x.route!.targets.length === 1) return false;
    this.#tried ??= new Set();
    this.#tried.add(x.target!);
    // The next one has its own time to answer.
    this.#stopWaiting();
    if (!this.#sendToNext()) return false;
    x.failedOver += 1;
    return true;
  }

  #fail(failure: Answer): void {
    const x = this.#x;
    if (x.down.headSent) {
      // Too late for an error page: the visitor must not take half an answer for a whole one.
      x.answer = failure;
      x.down.abort();
    } else {
      sendAnswer(x, failure);
    }
  }

  #drained(): void {
    const resume = this.#resume;
    if (resume !== undefined) resume();
  }

  #downstreamClosed(complete: boolean): void {
    const x = this.#x;
    this.#gone = true;
    this.#stopWaiting();
    x.bytesReceived = this.#body?.bytes ?? 0;
    if (!complete) {
      this.#abort?.();
      this.#body?.destroy();
    }
    x.parts.finished(x, complete);
  }

  /** Nothing has to come any more: neither from the target nor from its probe. */
  #stopWaiting(): void {
    this.#x.target?.probe.noMatter(this.#moveOn);
    if (this.#headTimer !== undefined) clearTimeout(this.#headTimer);
    this.#headTimer = undefined;
  }
}

/** What the visitor is told about a failure between us and the target. */
export function failureCode(error: Error): AnswerCode {
  const code = errorCode(error);
  if ((error as { tls?: boolean }).tls === true && code !== "ETIMEDOUT" && code !== "ECONNRESET") {
    return "upstream.tls_failed";
  }
  switch (code) {
    case "ECONNREFUSED":
      return "upstream.refused";
    case "ETIMEDOUT":
    case "ABORT_ERR":
      return "upstream.timeout";
    case "EHOSTUNREACH":
    case "ENETUNREACH":
    case "EHOSTDOWN":
    case "EACCES":
    case "ENOTUNNEL":
      return "upstream.peer_not_connected";
    case "ENOTFOUND":
    case "EAI_AGAIN":
      return "upstream.unresolved";
    case "UND_ERR_INVALID_ARG":
    case "UND_ERR_NOT_SUPPORTED":
    case "UND_ERR_REQ_CONTENT_LENGTH_MISMATCH":
      return "request.malformed";
    case "UND_ERR_HEADERS_OVERFLOW":
    case "ERR_INVALID_CHAR":
    case "ERR_HTTP_INVALID_STATUS_CODE":
      return "upstream.bad_response";
    default:
      return code.startsWith("HPE_") ? "upstream.bad_response" : "upstream.connection_failed";
  }
}
