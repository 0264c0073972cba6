import { once } from "node:events";
import { connect, type Socket } from "node:net";
import { Worker } from "node:worker_threads";

/** A port on 127.0.0.1 that answers no SYN any more, like a host behind a firewall that drops. */
export interface SilentListener {
  port: number;
  close(): Promise<void>;
}

const listener = `
  const { parentPort } = require("node:worker_threads");
  const server = require("node:net").createServer();
  server.listen({ port: 0, host: "127.0.0.1", backlog: 1 }, () => {
    parentPort.postMessage(server.address().port);
    // Never accepts: the kernel's queue fills up and further SYNs are dropped.
    setTimeout(() => Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0), 50);
  });
`;

export async function silentListener(): Promise<SilentListener> {
  const worker = new Worker(listener, { eval: true });
  const [port] = (await once(worker, "message")) as [number];
  await new Promise((resolve) => setTimeout(resolve, 100));
  const fill: Socket[] = [];
  for (;;) {
    const socket = connect(port, "127.0.0.1");
    socket.on("error", () => {});
    fill.push(socket);
    const connected = await Promise.race([
      once(socket, "connect").then(() => true),
      new Promise<false>((resolve) => setTimeout(() => resolve(false), 200)),
    ]);
    if (!connected) break;
  }
  return {
    port,
    async close() {
      for (const socket of fill) socket.destroy();
      await worker.terminate();
    },
  };
}
