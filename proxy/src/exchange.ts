import type { Finding } from "./access/address-checks.ts";
import type { Caller } from "./access/caller.ts";
import type { AccessRule } from "./access/rules/access-rules.ts";
import type { Suspicion } from "./access/suspects.ts";
import type { Answer } from "./answer/catalogue.ts";
import type { Downstream } from "./listen/downstream.ts";
import type { RequestPathParts } from "./request-path.ts";
import type { HttpTarget, PathRoute, Service } from "./route/service.ts";

const noFindings: readonly Finding[] = [];

/** One request on its way through the stages of the request path. Each stage fills in what it finds out. */
export class Exchange {
  readonly down: Downstream;
  readonly parts: RequestPathParts;
  /** Monotonic, milliseconds. */
  readonly startedMs: number;

  // readTarget
  /** Lower case, without port. */
  host = "";
  /** As the visitor named it, with port. */
  authority = "";
  /** Without query. */
  path = "";
  /** With the question mark; empty when there is none. */
  query = "";
  // findService
  service: Service | undefined;
  route: PathRoute | undefined;
  /** Characters of the path that the route's prefix covers. */
  covered = 0;
  // restrictAddress
  /** The visitor's own address, behind trusted proxies. */
  clientAddress = "";
  /** Forwarding headers of this peer are believed. */
  peerTrusted = false;
  /** CrowdSec wants the visitor slowed down. */
  suspicion: Suspicion | undefined;
  /** What the service's restrictions had against the request, whether it was refused for it or not. */
  findings: readonly Finding[] = noFindings;
  // applyRules
  /** The rule that holds for this request; undefined: the service's usual way does. */
  rule: AccessRule | undefined;
  /** One that would hold if it were not only observed. */
  observedRule: AccessRule | undefined;
  // identifyCaller
  caller: Caller | undefined;
  /** The session that the caller has; empty for none. */
  sessionToken = "";
  /** Headers for whatever answer follows, name and value by turns: the session cookie. */
  answerHeaders: string[] | undefined;
  // forward
  /** The one that the request went to last. */
  target: HttpTarget | undefined;
  /** Targets of the path that it was sent to before. */
  failedOver = 0;

  // For the access log.
  status = 0;
  /** How the caller was let in, or the reason of the refusal; as in NetBird's access log. */
  authMechanism = "";
  answer: Answer | undefined;
  bytesReceived = 0;
  /** When the target's answer began; 0 before. */
  upstreamAnsweredMs = 0;
  /** Bytes that a WebSocket sent to the visitor after the handshake. */
  upgradedBytesSent = 0;

  #requestId = "";

  constructor(down: Downstream, parts: RequestPathParts) {
    this.down = down;
    this.parts = parts;
    this.startedMs = performance.now();
  }

  /** Made when first asked for; follows the request to the access log and to error pages. */
  get requestId(): string {
    if (this.#requestId === "") this.#requestId = this.parts.nextRequestId();
    return this.#requestId;
  }

  /** The first header of this name. @param lower in lower case */
  header(lower: string): string | undefined {
    const { headers } = this.down;
    for (let i = 0; i < headers.length; i += 2) {
      const name = headers[i]!;
      if (name.length === lower.length && name.toLowerCase() === lower) return headers[i + 1];
    }
    return undefined;
  }

  /** Every header of this name joined as RFC 9110 §5.3 allows; undefined when there is none. */
  joined(lower: string, separator = ", "): string | undefined {
    const { headers } = this.down;
    let value: string | undefined;
    for (let i = 0; i < headers.length; i += 2) {
      const name = headers[i]!;
      if (name.length === lower.length && name.toLowerCase() === lower) {
        value = value === undefined ? headers[i + 1]! : value + separator + headers[i + 1]!;
      }
    }
    return value;
  }
}
