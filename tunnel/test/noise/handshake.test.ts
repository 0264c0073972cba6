import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { createInitiation, createResponse, openInitiation, openResponse } from "../../src/noise/handshake.ts";
import { keyFromBase64, keyToBase64, publicKeyOf, sharedSecret } from "../../src/noise/keys.ts";
import { hasMac, mac1KeyOf } from "../../src/noise/mac.ts";
import { isLater, tai64n } from "../../src/noise/tai64n.ts";
import { type HandshakeInput, referenceHandshake } from "../support/reference-noise.ts";

interface Vector {
  name: string;
  input: Record<keyof HandshakeInput, string | number>;
  output: Record<keyof ReturnType<typeof referenceHandshake>, string>;
}
const file = JSON.parse(readFileSync(new URL("../vectors/handshake.json", import.meta.url), "utf8")) as {
  vectors: Vector[];
};
const hex = (bytes: Uint8Array) => Buffer.from(bytes).toString("hex");

function inputOf({ input }: Vector): HandshakeInput {
  const entries = Object.entries(input).map(([name, value]) => [
    name,
    typeof value === "number" ? value : Uint8Array.from(Buffer.from(value, "hex")),
  ]);
  return Object.fromEntries(entries) as HandshakeInput;
}

/** Runs both roles of src/noise with the keys of a vector. */
function ourHandshake(input: HandshakeInput) {
  const publicI = publicKeyOf(input.staticPrivateInitiator);
  const publicR = publicKeyOf(input.staticPrivateResponder);
  const created = createInitiation({
    staticPrivate: input.staticPrivateInitiator,
    staticPublic: publicI,
    remoteStatic: publicR,
    staticShared: sharedSecret(input.staticPrivateInitiator, publicR),
    remoteMac1Key: mac1KeyOf(publicR),
    ephemeralRandom: input.ephemeralPrivateInitiator,
    senderIndex: input.indexInitiator,
    timestamp: input.timestamp,
  });
  assert.ok(created);
  const received = openInitiation(created.message, {
    staticPrivate: input.staticPrivateResponder,
    staticPublic: publicR,
    staticSharedWith: (remote) => sharedSecret(input.staticPrivateResponder, remote),
  });
  assert.ok(received);
  const answered = createResponse(
    received,
    input.presharedKey,
    mac1KeyOf(publicI),
    input.ephemeralPrivateResponder,
    input.indexResponder,
  );
  assert.ok(answered);
  const keys = openResponse(
    answered.message,
    created.pending,
    input.staticPrivateInitiator,
    input.presharedKey,
  );
  assert.ok(keys);
  return { created, received, answered, keys, publicI, publicR };
}

suite("noise/handshake", () => {
  for (const vector of file.vectors) {
    test(`both messages and the session keys are those of the vector "${vector.name}"`, () => {
      const { created, answered, keys, received, publicI } = ourHandshake(inputOf(vector));
      assert.equal(hex(created.message), vector.output.initiation);
      assert.equal(hex(answered.message), vector.output.response);
      assert.equal(hex(keys.sendKey), vector.output.initiatorSends);
      assert.equal(hex(keys.receiveKey), vector.output.responderSends);
      assert.equal(hex(answered.keys.sendKey), vector.output.responderSends);
      assert.equal(hex(received.remoteStatic), hex(publicI));
      assert.equal(hex(received.timestamp), vector.input.timestamp);
    });

    test(`the vector "${vector.name}" is what the reference computes today`, () => {
      const output = referenceHandshake(inputOf(vector));
      assert.deepEqual(
        Object.fromEntries(Object.entries(output).map(([name, bytes]) => [name, hex(bytes)])),
        vector.output,
      );
    });
  }

  test("one flipped bit anywhere in an initiation makes it worthless", () => {
    const input = inputOf(file.vectors[0]!);
    const { created, publicR } = ourHandshake(input);
    for (let bit = 64; bit < 132 * 8; bit += 7) {
      const message = created.message.slice();
      message[bit >> 3]! ^= 1 << (bit & 7);
      const intact = hasMac(mac1KeyOf(publicR), message, 116);
      const opened = openInitiation(message, {
        staticPrivate: input.staticPrivateResponder,
        staticPublic: publicR,
        staticSharedWith: (remote) => sharedSecret(input.staticPrivateResponder, remote),
      });
      assert.equal(intact, false, `bit ${bit}`);
      // The noise itself covers everything but the sender index and mac1.
      if (bit >= 64 && bit < 116 * 8) assert.equal(opened, undefined, `bit ${bit}`);
    }
  });

  test("a response made with another pre-shared key is refused", () => {
    const input = inputOf(file.vectors[0]!);
    const { created, answered } = ourHandshake(input);
    const other = new Uint8Array(32).fill(9);
    assert.equal(
      openResponse(answered.message, created.pending, input.staticPrivateInitiator, other),
      undefined,
    );
  });

  test("a key of low order gives no shared secret", () => {
    const { staticPrivateInitiator } = inputOf(file.vectors[0]!);
    assert.equal(sharedSecret(staticPrivateInitiator, new Uint8Array(32)), undefined);
    // u = 1, of order 4 (RFC 7748 §6.1 advises the all-zero check for such points).
    assert.equal(sharedSecret(staticPrivateInitiator, Uint8Array.of(1, ...new Uint8Array(31))), undefined);
  });
});

suite("noise/keys", () => {
  test("text is accepted in its one spelling only", () => {
    const key = publicKeyOf(new Uint8Array(32).fill(1));
    const text = keyToBase64(key);
    assert.deepEqual(keyFromBase64(text), key);
    const bent = text.slice(0, 42) + String.fromCharCode(text.charCodeAt(42) + 1) + "=";
    for (const bad of ["", "x", text.slice(0, -1), `${text}=`, text.replace("=", "A"), bent]) {
      assert.equal(keyFromBase64(bad), undefined, bad);
    }
  });

  // RFC 7748 §6.1: Alice's private and public key.
  test("a public key is that of RFC 7748", () => {
    const secret = Buffer.from("77076d0a7318a57d3c16c17251b26645df4c2f87ebc0992ab177fba51db92c2a", "hex");
    assert.equal(
      hex(publicKeyOf(secret)),
      "8520f0098930a754748b7ddcb43ef75a0dbf3a0d26381af4eba4a98eaa9b4e6a",
    );
  });
});

suite("noise/tai64n", () => {
  test("the epoch is second 10 of TAI64 and later is larger", () => {
    assert.equal(hex(tai64n(0)), "400000000000000a00000000");
    // One unit of the whitened nanoseconds is 2^24 ns.
    assert.ok(isLater(tai64n(1_700_000_000_017), tai64n(1_700_000_000_000)));
    assert.ok(isLater(tai64n(1_700_000_001_000), tai64n(1_700_000_000_999)));
    assert.ok(!isLater(tai64n(1_700_000_000_000), tai64n(1_700_000_000_000)));
    assert.ok(!isLater(tai64n(1_700_000_000_999), tai64n(1_700_000_001_000)));
  });
});
