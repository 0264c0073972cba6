import { ApiFailure } from "../client/failure.ts";
import type { PrivateState } from "../framework/private-state.ts";
import type { Walk } from "./walk.ts";

/** Where the version of the last write is kept, beside the state. */
const KEY = "version";
const PRECONDITION_FAILED = 412;

/** Remembers the version that an answer to a write named, if it named one. */
export function rememberVersion(memory: PrivateState, { api }: Walk, answer: object): void {
  const tag = api.tagOf(answer);
  if (tag === undefined) memory.delete(KEY);
  else memory.set(KEY, tag);
}

/**
 * Writes on the condition that the object is as we wrote it last: then nobody changed it since the plan either, and it
 * need not be read first. Only when somebody did, `read` says whether that concerns this configuration; Terraform may
 * have taken the change over already.
 *
 * @param read gives the version to write on, and throws when the write must not happen
 */
export async function writeUnchanged<T>(
  memory: PrivateState,
  read: () => Promise<string | undefined>,
  write: (tag: string | undefined) => Promise<T>,
): Promise<T> {
  const remembered = memory.get(KEY);
  return writeOn(typeof remembered === "string" ? remembered : await read(), read, write);
}

/**
 * Writes on a version, and once more on the one that `read` then gives when the object is no longer that version. That is
 * not always somebody else's doing: when the answer to a write is lost and it is sent again, it meets itself.
 */
export async function writeOn<T>(
  tag: string | undefined,
  read: () => Promise<string | undefined>,
  write: (tag: string | undefined) => Promise<T>,
): Promise<T> {
  try {
    return await write(tag);
  } catch (error) {
    if (!(error instanceof ApiFailure) || error.status !== PRECONDITION_FAILED) throw error;
  }
  return write(await read());
}
