import assert from "node:assert/strict";
import { createSocket, type Socket } from "node:dgram";
import { checkCustomDomain, createCnameLookup } from "../../src/dns/check-custom-domain.ts";

/** A name server on loopback with CNAME records only (RFC 1035 §4.1); `broken` names get SERVFAIL. */
async function startNameServer(records: Record<string, string>, broken: string[] = []): Promise<Socket> {
  const socket = createSocket("udp4");
  socket.on("message", (query, from) => {
    const name = readName(query);
    const question = query.subarray(12, 12 + encodeName(name).length + 4);
    const target = records[name];
    const failed = broken.includes(name);
    const header = Buffer.alloc(12);
    query.copy(header, 0, 0, 2);
    header.writeUInt16BE(0x8180 | (failed ? 2 : target ? 0 : 3), 2);
    header.writeUInt16BE(1, 4);
    header.writeUInt16BE(target ? 1 : 0, 6);
    const parts: Uint8Array[] = [header, question];
    if (target) {
      const data = encodeName(target);
      const answer = Buffer.alloc(12);
      answer.writeUInt16BE(0xc00c, 0);
      answer.writeUInt16BE(5, 2);
      answer.writeUInt16BE(1, 4);
      answer.writeUInt32BE(60, 6);
      answer.writeUInt16BE(data.length, 10);
      parts.push(answer, data);
    }
    socket.send(Buffer.concat(parts), from.port, from.address);
  });
  await new Promise<void>((resolve) => socket.bind(0, "127.0.0.1", resolve));
  return socket;
}

function readName(query: Buffer): string {
  const labels: string[] = [];
  for (let at = 12; query[at] !== 0; at += query[at]! + 1)
    labels.push(query.toString("latin1", at + 1, at + 1 + query[at]!));
  return labels.join(".").toLowerCase();
}

function encodeName(name: string): Buffer {
  return Buffer.concat([
    ...name.split(".").map((label) => Buffer.concat([Buffer.from([label.length]), Buffer.from(label)])),
    Buffer.from([0]),
  ]);
}

suite("the check of a custom domain, asking a name server", () => {
  let server: Socket;
  teardown(() => server.close());
  const check = async (domain: string) =>
    checkCustomDomain(createCnameLookup([`127.0.0.1:${server.address().port}`]), domain, "eu.example.net");

  test("follows the chain of the validation name", async () => {
    server = await startNameServer({
      "validation.apps.test": "alias.test",
      "alias.test": "eu.example.net",
      "own.test": "EU.example.net",
    });
    assert.deepEqual(await check("apps.test"), { ok: true });
    assert.deepEqual(await check("own.test"), { ok: true });
  });

  test("says where the record leads instead, or that there is none", async () => {
    server = await startNameServer({ "validation.apps.test": "us.example.net" });
    const wrong = await check("apps.test");
    assert.ok(!wrong.ok && !wrong.temporary);
    assert.match(wrong.message, /leads to us\.example\.net/);
    const none = await check("none.test");
    assert.ok(!none.ok && !none.temporary);
    assert.match(none.message, /no CNAME record/);
  });

  test("tells a failing name server from a missing record", async () => {
    server = await startNameServer({}, ["validation.apps.test"]);
    const failed = await check("apps.test");
    assert.ok(!failed.ok && failed.temporary);
  });
});
