/**
 * One TCP flow through our tunnel against the same flow through wireguard-go, on this machine, in the same run.
 *
 *   npx tsx bench/tunnel-throughput.ts [--seconds 5] [--rounds 3] [--profile FOLDER]
 *
 * The far namespace runs `iperf3 -s` behind wireguard-go; the near one, in turn, wireguard-go with `iperf3 -c`, and a Node
 * process with our tunnel that speaks iperf3's protocol. "up" is from near to far. Besides `tunnel-world.ts` it needs iperf3.
 */
import { fileURLToPath } from "node:url";
import { runIperf3 } from "./tunnel-iperf3-client.ts";
import { BenchWorld, FAR_OVERLAY, median, openNearTunnel, option } from "./tunnel-world.ts";

const SELF = fileURLToPath(import.meta.url);
const IPERF_PORT = 5201;
const seconds = Number(option("seconds", "5"));
const rounds = Number(option("rounds", "3"));

interface Outcome {
  megabitsPerSecond: number;
  cpuSeconds: number;
}

if (process.argv.includes("--near")) await runNear();
else await compare();

/** In the near namespace: one test through our tunnel. */
async function runNear(): Promise<void> {
  const { tunnel, device } = await openNearTunnel();
  const before = process.cpuUsage();
  const direction = option("direction", "up") as "up" | "down";
  const { megabitsPerSecond } = await runIperf3(device, FAR_OVERLAY, IPERF_PORT, seconds, direction);
  const cpu = process.cpuUsage(before);
  const outcome: Outcome = { megabitsPerSecond, cpuSeconds: (cpu.user + cpu.system) / 1e6 };
  console.log(JSON.stringify(outcome));
  await tunnel.close();
}

async function compare(): Promise<void> {
  const world = new BenchWorld();
  try {
    await world.up();
    world.start(world.far, "iperf3", "-s", "-p", String(IPERF_PORT));
    const throughWireguardGo = (direction: "up" | "down") =>
      world.withNearWireguardGo(async () => {
        const reverse = direction === "down" ? ["-R"] : [];
        const text = world.inside(
          world.near,
          "iperf3",
          "-c",
          FAR_OVERLAY,
          "-t",
          String(seconds),
          "-J",
          ...reverse,
        );
        const report = JSON.parse(text) as { end: { sum_received: { bits_per_second: number } } };
        return report.end.sum_received.bits_per_second / 1e6;
      });
    const throughOurs = (direction: "up" | "down") =>
      world.runNear(SELF, [
        "--near",
        ...world.tunnelArguments(),
        ...["--direction", direction, "--seconds", String(seconds)],
      ]) as Promise<Outcome>;

    for (const direction of ["up", "down"] as const) {
      const ours: number[] = [];
      const theirs: number[] = [];
      for (let round = 1; round <= rounds; round += 1) {
        const baseline = await throughWireguardGo(direction);
        const outcome = await throughOurs(direction);
        theirs.push(baseline);
        ours.push(outcome.megabitsPerSecond);
        const core = ((outcome.cpuSeconds / seconds) * 100).toFixed(0);
        console.log(
          `${direction} round ${round}: wireguard-go ${baseline.toFixed(0)} Mbit/s, ours ${outcome.megabitsPerSecond.toFixed(0)} Mbit/s with ${core} % of a core`,
        );
      }
      // Both halves of a round see about the same load of the machine; different rounds may not.
      const ratio = median(ours.map((rate, round) => rate / theirs[round]!));
      console.log(
        `${direction}: median ours ${median(ours).toFixed(0)}, wireguard-go ${median(theirs).toFixed(0)} Mbit/s, median ratio of the rounds ${ratio.toFixed(2)}`,
      );
    }
  } finally {
    await world.down();
  }
}
