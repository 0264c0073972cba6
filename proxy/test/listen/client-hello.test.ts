import assert from "node:assert/strict";
import { once } from "node:events";
import { type AddressInfo, createServer, type Socket } from "node:net";
import { connect } from "node:tls";
import { peekClientHello } from "../../src/listen/client-hello.ts";

/** The first bytes of a real TLS client. */
async function clientHello(options: object): Promise<Buffer> {
  const server = createServer();
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const client = connect({ port: (server.address() as AddressInfo).port, host: "127.0.0.1", ...options });
  client.on("error", () => {});
  const [socket] = (await once(server, "connection")) as [Socket];
  const [data] = (await once(socket, "data")) as [Buffer];
  socket.destroy();
  client.destroy();
  server.close();
  return data;
}

/** The same handshake message in records of at most `size` bytes. */
function split(hello: Buffer, size: number): Buffer {
  const message = hello.subarray(5);
  const records: Buffer[] = [];
  for (let at = 0; at < message.length; at += size) {
    const part = message.subarray(at, at + size);
    const header = Buffer.from([22, 3, 1, 0, 0]);
    header.writeUInt16BE(part.length, 3);
    records.push(header, part);
  }
  return Buffer.concat(records);
}

suite("peeking at a ClientHello", () => {
  test("finds the server name, in lower case, and the protocols", async () => {
    const hello = await clientHello({ servername: "Shop.Example.test", ALPNProtocols: ["h2", "http/1.1"] });
    assert.deepEqual(peekClientHello(hello), {
      kind: "hello",
      serverName: "shop.example.test",
      protocols: ["h2", "http/1.1"],
    });
  });

  test("says when there is none", async () => {
    const hello = await clientHello({ servername: "" });
    assert.deepEqual(peekClientHello(hello), { kind: "hello", serverName: "", protocols: [] });
  });

  test("asks for more until it is whole, however the bytes come", async () => {
    const hello = await clientHello({ servername: "a.test" });
    for (let length = 0; length < hello.length; length++) {
      assert.equal(peekClientHello(hello.subarray(0, length)).kind, "incomplete", `${length} bytes`);
    }
  });

  test("weakness 24: reads one that is spread over several records", async () => {
    const hello = await clientHello({ servername: "split.example.test" });
    for (const size of [1, 7, 50, 100]) {
      assert.deepEqual(peekClientHello(split(hello, size)), {
        kind: "hello",
        serverName: "split.example.test",
        protocols: [],
      });
    }
  });

  test("other protocols are not TLS", () => {
    for (const text of [
      "GET / HTTP/1.1\r\n",
      "SSH-2.0-x\r\n",
      "\x16\x02\x00\x00\x05hello",
      "\x16\x03\x01\xff\xff",
      "\x16\x03\x01\x00\x00",
    ]) {
      assert.equal(peekClientHello(Buffer.from(text, "latin1")).kind, "not-tls", JSON.stringify(text));
    }
  });

  test("damaged ones give no name and never throw", async () => {
    const hello = await clientHello({ servername: "fuzz.example.test" });
    for (let i = 5; i < hello.length; i++) {
      for (const value of [0, 1, 0x7f, 0xff]) {
        const damaged = Buffer.from(hello);
        damaged[i] = value;
        const peeked = peekClientHello(damaged);
        if (peeked.kind === "hello") assert.match(peeked.serverName, /^[a-z0-9._-]*$/);
      }
    }
  });
});
