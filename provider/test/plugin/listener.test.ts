import assert from "node:assert/strict";
import { type AddressInfo, createServer } from "node:net";
import { credentials } from "@grpc/grpc-js";
import { ProviderClient } from "@netbird-proxy/proto/tfplugin6";
import { netbirdProvider, readEnvironment } from "../../src/index.ts";
import { listen, plaintext } from "../../src/plugin/listener.ts";
import { Runtime } from "../../src/plugin/runtime.ts";

/** As on Windows, which has no Unix sockets for us. */
suite("a listener without a folder for its socket", () => {
  const runtime = new Runtime(netbirdProvider(readEnvironment({})), () => {});
  const on = (first: number, last: number) =>
    listen(runtime, {
      credentials: plaintext(),
      socketFolder: undefined,
      ports: { first, last },
      shutdown: () => {},
    });

  /** A port that is taken, after which there is most likely a free one. */
  async function takenPort(): Promise<{ port: number; close: () => void }> {
    const server = createServer();
    await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
    return { port: (server.address() as AddressInfo).port, close: () => server.close() };
  }

  test("serves on the first free port of the range, on loopback", async () => {
    const taken = await takenPort();
    const listener = await on(taken.port, Math.min(taken.port + 500, 65_535));
    try {
      assert.equal(listener.network, "tcp");
      const [host, port] = listener.address.split(":");
      assert.equal(host, "127.0.0.1");
      assert.ok(Number(port) > taken.port, listener.address);
      const client = new ProviderClient(listener.address, credentials.createInsecure());
      const { resources } = await new Promise<{ resources: unknown[] }>((resolve, reject) => {
        client.getMetadata({}, (error, response) => (error ? reject(error) : resolve(response)));
      });
      assert.equal(resources.length, runtime.provider.resources.length);
      client.close();
    } finally {
      listener.close();
      taken.close();
    }
  });

  test("says so when the range has none", async () => {
    const taken = await takenPort();
    await assert.rejects(on(taken.port, taken.port), /no free port on 127\.0\.0\.1 from \d+ to \d+/);
    taken.close();
  });
});
