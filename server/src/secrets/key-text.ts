import { AppError } from "@netbird-proxy/proto";
import { KEY_BYTES, type SealingKey, sealingKey } from "./keyring.ts";

/**
 * The keys of a text: one in base64 per line, `#` begins a comment. The first is the current one. A key that comes twice
 * counts once.
 * @param where a file or variable, for messages; a key itself is never in one
 * @throws AppError `storage.unreadable` naming the line
 */
export function parseKeys(text: string, where: string): SealingKey[] {
  const keys = new Map<string, SealingKey>();
  for (const [at, line] of text.split("\n").entries()) {
    const key = keyOfLine(line, `${where}, line ${at + 1},`);
    if (key) keys.set(key.id, keys.get(key.id) ?? key);
  }
  if (keys.size === 0) throw bad(where, `it must hold ${KEY_BYTES} bytes in base64`);
  return [...keys.values()];
}

/** The text with a key as its last line. */
export function withKeyAdded(text: string, key: SealingKey, comment: string): string {
  const line = `${Buffer.from(key.bytes).toString("base64")} # ${key.id}, ${comment}\n`;
  return text === "" || text.endsWith("\n") ? text + line : `${text}\n${line}`;
}

/** The text with the line of a key before those of all others; comments above the first key stay above. */
export function withKeyFirst(text: string, id: string): string {
  const lines = linesOf(text);
  const isKey = (line: string) => keyOfLine(line, "")?.id;
  const first = lines.findIndex((line) => isKey(line) !== undefined);
  const own = lines.find((line) => isKey(line) === id);
  if (own === undefined) throw new Error(`no line has the key ${id}`);
  const rest = (some: readonly string[]) => some.filter((line) => isKey(line) !== id);
  return joined([...rest(lines.slice(0, first)), own, ...rest(lines.slice(first))]);
}

export function withoutKeys(text: string, ids: readonly string[]): string {
  return joined(linesOf(text).filter((line) => !ids.includes(keyOfLine(line, "")?.id ?? "")));
}

function keyOfLine(line: string, where: string): SealingKey | undefined {
  const text = line.split("#")[0]!.trim();
  if (text === "") return undefined;
  const bytes = Buffer.from(text, "base64");
  if (!/^[\w+/-]+=*$/.test(text) || bytes.byteLength !== KEY_BYTES) {
    throw bad(where, `it must hold ${KEY_BYTES} bytes in base64, one key per line`);
  }
  return sealingKey(bytes);
}

function linesOf(text: string): string[] {
  return text.split("\n").filter((line, at, all) => line !== "" || at < all.length - 1);
}

function joined(lines: readonly string[]): string {
  return lines.map((line) => `${line}\n`).join("");
}

function bad(where: string, why: string): AppError {
  return new AppError("storage.unreadable", `the encryption key file ${where} cannot be used: ${why}`, {
    hint: "Restore it from the backup that belongs to the database, or correct the line (openssl rand -base64 32 makes a key). Without its key, private keys in the database cannot be read.",
  });
}
