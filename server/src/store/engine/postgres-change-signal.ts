import { randomUUID } from "node:crypto";
import pg from "pg";
import { type ChangeSignal, createChangeSignal } from "../change-signal.ts";
import type { Db } from "../transaction.ts";

const CHANNEL = "netbird_server_changes";
const RECONNECT_MS = 1_000;

/**
 * The signal of all servers on one database, by LISTEN and NOTIFY. It carries nothing but the sender, so that a server
 * does not wake itself twice; a notification that gets lost costs one poll of the log.
 */
export function createPostgresChangeSignal(url: string, db: Db): ChangeSignal & { close(): Promise<void> } {
  const local = createChangeSignal();
  const self = randomUUID();
  let closed = false;
  let client: pg.Client | undefined;
  let retry: NodeJS.Timeout | undefined;
  let notifying = false;
  let again = false;

  async function listen(): Promise<void> {
    const connection = new pg.Client({ connectionString: url, application_name: "netbird-server-listen" });
    client = connection;
    connection.on("notification", ({ payload }) => {
      if (payload !== self) local.changed();
    });
    const lost = () => {
      if (client !== connection) return;
      client = undefined;
      connection.end().catch(() => {});
      if (closed) return;
      retry = setTimeout(() => void listen(), RECONNECT_MS);
      retry.unref();
    };
    connection.on("error", lost);
    connection.on("end", lost);
    try {
      await connection.connect();
      await connection.query(`listen ${CHANNEL}`);
      // Whatever happened while nobody listened.
      local.changed();
    } catch {
      lost();
    }
  }
  void listen();

  async function notifyOthers(): Promise<void> {
    if (notifying) {
      again = true;
      return;
    }
    notifying = true;
    do {
      again = false;
      await db.raw("select pg_notify(?, ?)", [CHANNEL, self]).catch(() => {});
    } while (again && !closed);
    notifying = false;
  }

  return {
    onChange: local.onChange,
    changed() {
      local.changed();
      void notifyOthers();
    },
    async close() {
      closed = true;
      clearTimeout(retry);
      const connection = client;
      client = undefined;
      await connection?.end().catch(() => {});
    },
  };
}
