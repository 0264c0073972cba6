import { postJson } from "./post-json.ts";
import type { ChallengeRecord, RecordWriter } from "./record-writer.ts";

export interface WebhookSettings {
  readonly url: string;
  /** Empty: no Authorization header. */
  readonly username: string;
  readonly password: string;
}

/** Leaves the record to a program of the user's: `POST <url>/present` and `<url>/cleanup`, as lego's httpreq does it. */
export function webhook({ url, username, password }: WebhookSettings): RecordWriter {
  const basic = `Basic ${Buffer.from(`${username}:${password}`).toString("base64")}`;
  const headers: Record<string, string> = username === "" ? {} : { authorization: basic };
  const call = (path: string, { name, value }: ChallengeRecord) =>
    postJson(`${url.replace(/\/+$/, "")}/${path}`, headers, { fqdn: `${name}.`, value });
  return {
    add: (record) => call("present", record),
    remove: (record) => call("cleanup", record),
  };
}
