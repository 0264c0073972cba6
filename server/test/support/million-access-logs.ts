import type { AccountId } from "@netbird-proxy/proto";
import type { Db } from "../../src/store/transaction.ts";

/**
 * Fills `access_logs` with one entry every 600 ms: fifty hosts, one in twenty not found, one in 5,000 failed, one in a
 * thousand of one of seven users. SQLite only.
 * @returns time of the newest
 */
export async function fillAccessLogs(db: Db, account: AccountId, count: number): Promise<number> {
  const start = Date.parse("2026-08-01T00:00:00Z");
  await db.raw(
    `insert into access_logs
       (id, account_id, service_id, timestamp, method, host, path, duration_ms, status_code, source_ip, reason, user_id,
        auth_method, bytes_upload, bytes_download, protocol, country_code, city_name, subdivision_code, metadata)
     with recursive numbers (n) as (select 1 union all select n + 1 from numbers where n < ?)
     select printf('log%017d', n), ?, 'service' || (n % 50), ? + n * 600, iif(n % 10 = 0, 'POST', 'GET'),
       'shop-' || (n % 50) || '.example.com', '/articles/' || (n % 997) || '\\?page=' || (n % 10), n % 300,
       iif(n % 20 = 0, 404, iif(n % 5000 = 1, 503, 200)), '198.51.' || (n % 256) || '.' || (n / 256 % 256), '',
       iif(n % 1000 = 0, 'user' || (n % 7), ''), iif(n % 1000 = 0, 'pin', ''), 512, 2048, 'http', 'DE', '', '', '{}'
     from numbers`,
    [count, account, start],
  );
  return start + count * 600;
}
