import assert from "node:assert/strict";
import { createSocket, type Socket } from "node:dgram";
import { once } from "node:events";
import { createDnsLookup } from "../../src/dns/dns-lookup.ts";

const A = 1;
const AAAA = 28;
const SERVER_FAILURE = 2;

/** A name server that knows an address of each kind for `shop.test`, none for others, and fails for `broken.test`. */
async function startNameServer(): Promise<Socket> {
  const server = createSocket("udp4");
  const addresses: Record<number, Buffer> = {
    [A]: Buffer.from([192, 0, 2, 7]),
    [AAAA]: Buffer.from("20010db8000000000000000000000007", "hex"),
  };
  server.on("message", (query, from) => {
    const end = query.indexOf(0, 12) + 5;
    const question = query.subarray(12, end);
    const type = query.readUInt16BE(end - 4);
    const data = question.includes("shop") ? addresses[type] : undefined;
    const head = Buffer.from(query.subarray(0, 12));
    head.writeUInt16BE(0x8180 | (question.includes("broken") ? SERVER_FAILURE : 0), 2);
    head.writeUInt16BE(data ? 1 : 0, 6);
    head.fill(0, 8);
    const record =
      data && Buffer.concat([Buffer.from([0xc0, 12, 0, type, 0, 1, 0, 0, 0, 9, 0, data.length]), data]);
    server.send(Buffer.concat([head, question, ...(record ? [record] : [])]), from.port, from.address);
  });
  server.bind(0, "127.0.0.1");
  await once(server, "listening");
  return server;
}

suite("the addresses behind a name, asking a name server", () => {
  let server: Socket;
  setup(async () => {
    server = await startNameServer();
  });
  teardown(() => server.close());
  const lookup = (name: string) =>
    createDnsLookup([`127.0.0.1:${server.address().port}`]).resolveAddresses(name);

  test("both kinds together, and none for a name without", async () => {
    assert.deepEqual(await lookup("shop.test"), ["192.0.2.7", "2001:db8::7"]);
    assert.deepEqual(await lookup("nothing.test"), []);
  });

  test("a name server that fails is no missing record", async () => {
    await assert.rejects(lookup("broken.test"));
  });
});
