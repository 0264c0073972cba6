import { runDown, runStatus } from "./cli/ask-running-agent.ts";
import { runUp } from "./cli/up.ts";
import { ConfigError, helpText, readCommand, version } from "./config.ts";

async function run(argv: readonly string[]): Promise<number> {
  const command = readCommand(argv);
  switch (command.kind) {
    case "up":
      return await runUp(command.config);
    case "status":
      return await runStatus(command.stateDir, command.json);
    case "down":
      return await runDown(command.stateDir);
    case "version":
      process.stdout.write(`${version}\n`);
      return 0;
    case "help":
      process.stdout.write(helpText);
      return 0;
  }
}

try {
  process.exitCode = await run(process.argv.slice(2));
} catch (error) {
  if (!(error instanceof ConfigError)) throw error;
  for (const problem of error.problems) process.stderr.write(`agent: ${problem}\n`);
  process.exitCode = 1;
}
