import type { control } from "@netbird-proxy/proto/grpc";
import { encodeChecked, type ReadResult, readChecked } from "./checked-file.ts";

/**
 * What visitors would miss after a restart without a management server. In a file of its own: somebody who signs out must
 * not cost a write of the whole configuration.
 */
export interface VisitorState {
  /** Hash of the session and when it would have expired, milliseconds. */
  readonly ended: readonly (readonly [hash: string, expiresAtMs: number])[];
  readonly brandings: readonly control.AccountBranding[];
}

const VERSION = 1;

export function encodeVisitorState({ ended, brandings }: VisitorState): string {
  return encodeChecked(VERSION, { ended, brandings });
}

export function readVisitorState(file: string): ReadResult<VisitorState> {
  return readChecked(file, VERSION, (body) => {
    const { ended, brandings } = body as VisitorState;
    if (!Array.isArray(ended) || !Array.isArray(brandings)) throw new Error("a part is missing");
    return { ended, brandings };
  });
}
