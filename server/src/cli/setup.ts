import { isSetupRequired, setUp } from "../commands/set-up.ts";
import type { ServerConfig } from "../config.ts";
import { openContext } from "./open-context.ts";
import { readPasswordFile } from "./password-file.ts";
import type { Terminal } from "./run.ts";
import { parseOptions, UsageError } from "./usage-error.ts";

/** Makes the first owner in the database itself; running it again changes nothing and is no failure. */
export async function setupCommand(
  args: string[],
  config: ServerConfig,
  terminal: Terminal,
): Promise<number> {
  const { values } = parseOptions(args, {
    email: { type: "string" },
    name: { type: "string" },
    password: { type: "string" },
    "password-file": { type: "string" },
    "create-pat": { type: "boolean" },
    "pat-expire-in": { type: "string" },
    json: { type: "boolean" },
  });
  const { email, name } = values;
  const file = values["password-file"];
  // A password on the command line shows in the process list; a file does not.
  const password = file === undefined ? values.password : readPasswordFile(file);
  if (!email || !name || password === undefined) {
    throw new UsageError("setup needs --email, --name, and --password or --password-file");
  }
  const tokenDays = values["create-pat"] ? Number(values["pat-expire-in"] ?? 1) : undefined;
  const context = await openContext(config);
  try {
    if (!(await isSetupRequired(context))) {
      if (values.json) terminal.out(`${JSON.stringify({ already_done: true })}\n`);
      terminal.err("The server is set up already; nothing was changed.\n");
      return 0;
    }
    const made = await setUp(context, { email, name, password, tokenDays });
    const token = made.personalAccessToken;
    if (values.json) {
      terminal.out(
        `${JSON.stringify({ user_id: made.userId, email, ...(token ? { personal_access_token: token } : {}) })}\n`,
      );
    } else {
      terminal.err(
        `Owner ${email} was made.${token ? " The personal access token is shown only now:" : ""}\n`,
      );
      if (token) terminal.out(`${token}\n`);
    }
    return 0;
  } finally {
    await context.store.close();
  }
}
