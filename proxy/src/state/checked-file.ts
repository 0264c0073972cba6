import { createHash } from "node:crypto";
import { readFileSync, renameSync } from "node:fs";

interface FileForm {
  version: number;
  /** SHA-256 over the body, in hex: half a file, or one from a failing disk, is not mistaken for a whole one. */
  sha256: string;
  body: string;
}

/** The content of a state file. @param body what JSON can say */
export function encodeChecked(version: number, body: unknown): string {
  const text = JSON.stringify(body);
  const file: FileForm = { version, sha256: digest(text), body: text };
  return JSON.stringify(file);
}

export type ReadResult<T> =
  | { kind: "absent" }
  | { kind: "read"; value: T }
  /** Moved aside under `movedTo`, so that it can be looked at. */
  | { kind: "unusable"; why: string; movedTo: string };

/**
 * Reads a state file. One that cannot be used is moved aside and the proxy starts without it.
 *
 * @param decode may throw
 */
export function readChecked<T>(file: string, version: number, decode: (body: unknown) => T): ReadResult<T> {
  let text: string;
  try {
    text = readFileSync(file, "utf8");
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return { kind: "absent" };
    return { kind: "unusable", why: (error as Error).message, movedTo: file };
  }
  try {
    return { kind: "read", value: decode(bodyOf(text, version)) };
  } catch (error) {
    const movedTo = `${file}.unusable`;
    try {
      renameSync(file, movedTo);
    } catch {
      // It will be overwritten by the next state.
    }
    return { kind: "unusable", why: (error as Error).message, movedTo };
  }
}

function bodyOf(text: string, version: number): unknown {
  const file = JSON.parse(text) as Partial<FileForm>;
  if (file.version !== version) throw new Error(`version ${file.version} is not known`);
  if (typeof file.body !== "string") throw new Error("the body is missing");
  if (digest(file.body) !== file.sha256) throw new Error("the checksum does not match");
  return JSON.parse(file.body);
}

function digest(text: string): string {
  return createHash("sha256").update(text).digest("hex");
}
