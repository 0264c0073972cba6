import { control } from "@netbird-proxy/proto/grpc";
import type { HttpTarget, PathRoute } from "../route/service.ts";

const { TARGET_STATE_REACHABLE, TARGET_STATE_UNKNOWN } = control.TargetState;

/**
 * The target for the next attempt: of those that are expected to take a connection, or of all when none is, the one with
 * the fewest requests in flight; equals take turns.
 *
 * @param tried targets that have failed this request
 * @returns undefined when all have been tried
 */
export function chooseTarget(
  { targets, turn }: PathRoute,
  tried?: ReadonlySet<HttpTarget>,
): HttpTarget | undefined {
  if (targets.length === 1) return tried === undefined ? targets[0] : undefined;
  const first = turn.next;
  turn.next = (first + 1) % targets.length;
  let chosen: HttpTarget | undefined;
  let chosenIsExpected = false;
  for (let i = 0; i < targets.length; i++) {
    const target = targets[(first + i) % targets.length]!;
    if (tried?.has(target)) continue;
    const expected = isExpected(target);
    const better =
      chosen === undefined ||
      (expected === chosenIsExpected ? target.upstream.inFlight < chosen.upstream.inFlight : expected);
    if (!better) continue;
    chosen = target;
    chosenIsExpected = expected;
  }
  return chosen;
}

/** A request that fails at `target` has somewhere better to go. */
export function hasAlternative(
  { targets }: PathRoute,
  target: HttpTarget,
  tried: ReadonlySet<HttpTarget> | undefined,
): boolean {
  return (
    targets.length > 1 && targets.some((other) => other !== target && !tried?.has(other) && isExpected(other))
  );
}

/** What its probe and the connections of late say; a target that has not been asked yet is given the chance. */
function isExpected({ upstream, probe }: HttpTarget): boolean {
  const { state } = probe.finding;
  return !upstream.circuit.isOpen && (state === TARGET_STATE_REACHABLE || state === TARGET_STATE_UNKNOWN);
}
