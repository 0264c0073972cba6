import { createProxyToken, revokeToken } from "../commands/proxy-tokens.ts";
import type { ServerConfig } from "../config.ts";
import { parseGoDuration } from "../domain/go-duration.ts";
import { viewProxyToken } from "../http/views/proxy-token.ts";
import { listProxyTokens } from "../store/proxy-tokens.ts";
import { openContext } from "./open-context.ts";
import type { Terminal } from "./run.ts";
import { parseOptions, UsageError } from "./usage-error.ts";

/** Global proxy tokens: their proxies are shared by every account. REST makes those of one account. */
export async function tokenCommand(
  args: string[],
  config: ServerConfig,
  terminal: Terminal,
): Promise<number> {
  const { values, positionals } = parseOptions(args, {
    name: { type: "string" },
    "expires-in": { type: "string" },
    json: { type: "boolean" },
  });
  const [verb, id] = positionals;
  if (verb === "create" && !values.name) throw new UsageError("token create needs --name");
  if (verb === "revoke" && !id) throw new UsageError("token revoke needs the token's id");
  const expiresInSeconds = readSeconds(values["expires-in"]);
  if (verb !== "create" && verb !== "list" && verb !== "revoke") {
    throw new UsageError("token needs one of create, list, revoke");
  }
  const context = await openContext(config);
  const print = (value: unknown) => terminal.out(`${JSON.stringify(value, null, 2)}\n`);
  try {
    switch (verb) {
      case "create": {
        const made = await createProxyToken(context, null, {
          name: values.name!,
          expiresInSeconds,
        });
        if (values.json) print({ ...viewProxyToken(made.token), plain_token: made.plain });
        else {
          terminal.err(`Proxy token ${made.token.id} was made; it is shown only now:\n`);
          terminal.out(`${made.plain}\n`);
        }
        break;
      }
      case "list": {
        const tokens = (await listProxyTokens(context.store.db, null)).map(viewProxyToken);
        if (values.json) print(tokens);
        else {
          for (const { id: tokenId, name, revoked, created_at, expires_at, last_used } of tokens) {
            const state = revoked ? "revoked" : `expires ${expires_at ?? "never"}`;
            terminal.out(`${tokenId}  ${name}  made ${created_at}  ${state}  used ${last_used ?? "never"}\n`);
          }
        }
        break;
      }
      case "revoke":
        await revokeToken(context, null, id!);
        terminal.err("The token is revoked; its proxies are dropped within a minute.\n");
        break;
    }
    return 0;
  } finally {
    await context.store.close();
  }
}

/** `30d`, or a Go duration such as `12h`; absent and 0 mean never. */
function readSeconds(text: string | undefined): number {
  if (text === undefined) return 0;
  const days = /^(\d+)d$/.exec(text);
  if (days) return Number(days[1]) * 86_400;
  const ns = parseGoDuration(text);
  if (ns === undefined || ns < 0n)
    throw new UsageError(`--expires-in ${text} is no duration such as 30d or 12h`);
  return Number(ns / 1_000_000_000n);
}
