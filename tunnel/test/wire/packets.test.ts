import assert from "node:assert/strict";
import { IcmpMessage, type IcmpToWrite, parseIcmp, writeIcmpHeader } from "../../src/wire/icmp.ts";
import { IpPacket, PROTOCOL_TCP, PROTOCOL_UDP, parseIpPacket } from "../../src/wire/ip-packet.ts";
import { writeIpv4Header } from "../../src/wire/ipv4.ts";
import { writeIpv6Header } from "../../src/wire/ipv6.ts";
import { PacketBuffer } from "../../src/wire/packet-buffer.ts";
import {
  ACK,
  parseTcpSegment,
  SYN,
  TcpSegment,
  writeSackOption,
  writeSynOptions,
  writeTcpHeader,
} from "../../src/wire/tcp-segment.ts";
import { parseUdp, UdpDatagram, writeUdpHeader } from "../../src/wire/udp.ts";
import { address } from "../support/simulation.ts";

const START = 16;

function ipv4(payloadBytes: number, protocol: number): { buffer: PacketBuffer; sum: number; end: number } {
  const buffer = new PacketBuffer(2048);
  const sum = writeIpv4Header(
    buffer,
    START,
    20 + payloadBytes,
    protocol,
    address("10.0.0.1").w3,
    address("10.0.0.2").w3,
    7,
  );
  return { buffer, sum, end: START + 20 + payloadBytes };
}

suite("wire/packets", () => {
  // RFC 1071 checksum of a header published in many textbooks: 4500 0073 0000 4000 4011 b861 c0a8 0001 c0a8 00c7.
  test("an IPv4 header gets the textbook checksum", () => {
    const buffer = new PacketBuffer(64);
    writeIpv4Header(buffer, 0, 0x73, 17, address("192.168.0.1").w3, address("192.168.0.199").w3, 0);
    assert.equal(
      Buffer.from(buffer.bytes.subarray(0, 20)).toString("hex"),
      "450000730000400040 11b861c0a80001c0a800c7".replace(" ", ""),
    );
  });

  test("an IPv4 packet is read up to its own length; padding is not part of it", () => {
    const { buffer, end } = ipv4(30, PROTOCOL_UDP);
    const packet = new IpPacket();
    assert.ok(parseIpPacket(buffer, START, end + 14, packet).ok);
    assert.equal(packet.payloadEnd, end);
    assert.equal(packet.source3, address("10.0.0.1").w3);
  });

  test("wrong checksums, short packets and fragments are told apart", () => {
    const { buffer, end } = ipv4(30, PROTOCOL_UDP);
    const packet = new IpPacket();
    assert.deepEqual(parseIpPacket(buffer, START, end - 1, packet), { ok: false, why: "too-short" });
    buffer.bytes[START + 8] = 1;
    assert.deepEqual(parseIpPacket(buffer, START, end, packet), { ok: false, why: "bad-checksum" });
    buffer.bytes[START + 8] = 64;
    buffer.bytes[START] = 0x75;
    assert.deepEqual(parseIpPacket(buffer, START, end, packet), { ok: false, why: "bad-version" });
    const other = ipv4(30, PROTOCOL_UDP);
    // More fragments, with the checksum adjusted by the same amount.
    other.buffer.bytes[START + 6]! |= 0x20;
    const sum = (other.buffer.bytes[START + 10]! << 8) | other.buffer.bytes[START + 11]!;
    const adjusted = sum - 0x2000;
    other.buffer.bytes[START + 10] = adjusted >>> 8;
    other.buffer.bytes[START + 11] = adjusted;
    assert.ok(parseIpPacket(other.buffer, START, other.end, packet).ok);
    assert.deepEqual([packet.isFragment, packet.moreFragments, packet.fragmentOffset], [true, true, 0]);
  });

  test("an IPv6 packet with destination options is read behind them, and so is a fragment header", () => {
    const buffer = new PacketBuffer(256);
    writeIpv6Header(buffer, START, 24, 60, address("fd00::1"), address("fd00::2"));
    buffer.bytes[START + 40] = PROTOCOL_UDP;
    buffer.bytes[START + 41] = 0;
    const packet = new IpPacket();
    assert.ok(parseIpPacket(buffer, START, START + 64, packet).ok);
    assert.equal(packet.protocol, PROTOCOL_UDP);
    assert.equal(packet.payloadStart, START + 48);
    assert.equal(packet.destination3, 2);
    // A fragment header with offset 16 behind them.
    buffer.bytes.set([PROTOCOL_UDP, 0, 0, 16, 0, 0, 0, 7], START + 48);
    buffer.bytes[START + 40] = 44;
    assert.ok(parseIpPacket(buffer, START, START + 64, packet).ok);
    assert.deepEqual(
      [packet.isFragment, packet.moreFragments, packet.fragmentOffset, packet.identification],
      [true, false, 16, 7],
    );
  });

  test("a SYN with all options survives the round trip", () => {
    const buffer = new PacketBuffer(256);
    const bytes = buffer.bytes;
    const optionBytes = writeSynOptions(bytes, START + 40, 1380, 7, true);
    const length = 20 + optionBytes;
    const sum = writeIpv4Header(buffer, START, 20 + length, PROTOCOL_TCP, 1, 2, 0);
    writeTcpHeader(buffer, START + 20, length, optionBytes, 1000, 2000, -5, 0, SYN, 65_535, sum);
    const packet = new IpPacket();
    const segment = new TcpSegment();
    assert.ok(parseIpPacket(buffer, START, START + 20 + length, packet).ok);
    assert.ok(parseTcpSegment(buffer, packet, segment).ok);
    const { sourcePort, destinationPort, sequence, flags, window, mss, windowShift, sackPermitted } = segment;
    assert.deepEqual(
      { sourcePort, destinationPort, sequence, flags, window, mss, windowShift, sackPermitted },
      {
        sourcePort: 1000,
        destinationPort: 2000,
        sequence: -5,
        flags: SYN,
        window: 65_535,
        mss: 1380,
        windowShift: 7,
        sackPermitted: true,
      },
    );
    assert.equal(segment.payloadStart, segment.payloadEnd);
  });

  test("SACK blocks survive the round trip and a flipped bit does not", () => {
    const buffer = new PacketBuffer(256);
    const optionBytes = writeSackOption(buffer.bytes, START + 40, Int32Array.of(10, 20, -30, -20), 2);
    buffer.bytes.set([1, 2, 3], START + 40 + optionBytes);
    const length = 20 + optionBytes + 3;
    const sum = writeIpv4Header(buffer, START, 20 + length, PROTOCOL_TCP, 1, 2, 0);
    writeTcpHeader(buffer, START + 20, length, optionBytes, 1, 2, 3, 4, ACK, 5, sum);
    const packet = new IpPacket();
    const segment = new TcpSegment();
    assert.ok(parseIpPacket(buffer, START, START + 20 + length, packet).ok);
    assert.ok(parseTcpSegment(buffer, packet, segment).ok);
    assert.equal(segment.sackBlocks, 2);
    assert.deepEqual([...segment.sackEdges.subarray(0, 4)], [10, 20, -30, -20]);
    assert.equal(segment.payloadEnd - segment.payloadStart, 3);
    buffer.bytes[segment.payloadStart]! ^= 4;
    assert.deepEqual(parseTcpSegment(buffer, packet, segment), { ok: false, why: "bad-checksum" });
  });

  test("an option that runs past the header makes the segment bad", () => {
    const buffer = new PacketBuffer(256);
    buffer.bytes.set([2, 40, 0, 0], START + 40);
    const sum = writeIpv4Header(buffer, START, 44, PROTOCOL_TCP, 1, 2, 0);
    writeTcpHeader(buffer, START + 20, 24, 4, 1, 2, 3, 4, ACK, 5, sum);
    const packet = new IpPacket();
    assert.ok(parseIpPacket(buffer, START, START + 44, packet).ok);
    assert.deepEqual(parseTcpSegment(buffer, packet, new TcpSegment()), { ok: false, why: "bad-option" });
  });

  test("a UDP datagram without checksum is good over IPv4 and refused over IPv6", () => {
    const { buffer, sum, end } = ipv4(8 + 5, PROTOCOL_UDP);
    writeUdpHeader(buffer, START + 20, 13, 53, 54, sum);
    const packet = new IpPacket();
    const datagram = new UdpDatagram();
    assert.ok(parseIpPacket(buffer, START, end, packet).ok);
    assert.ok(parseUdp(buffer, packet, datagram).ok);
    assert.equal(datagram.payloadEnd - datagram.payloadStart, 5);
    buffer.bytes[START + 26] = 0;
    buffer.bytes[START + 27] = 0;
    assert.ok(parseUdp(buffer, packet, datagram).ok);
    const v6 = new PacketBuffer(256);
    const sum6 = writeIpv6Header(v6, START, 8, PROTOCOL_UDP, address("fd00::1"), address("fd00::2"));
    writeUdpHeader(v6, START + 40, 8, 1, 2, sum6);
    assert.ok(parseIpPacket(v6, START, START + 48, packet).ok);
    assert.ok(parseUdp(v6, packet, datagram).ok);
    v6.bytes[START + 46] = 0;
    v6.bytes[START + 47] = 0;
    assert.deepEqual(parseUdp(v6, packet, datagram), { ok: false, why: "bad-checksum" });
  });

  test("every ICMP message we write is understood in both families", () => {
    const messages: IcmpToWrite[] = ["echo-request", "echo-reply", "port-unreachable", "host-unreachable"];
    for (const family of [4, 6] as const) {
      for (const message of messages) {
        const buffer = new PacketBuffer(256);
        const at = START + (family === 4 ? 20 : 40);
        const sum =
          family === 4
            ? writeIpv4Header(buffer, START, 20 + 24, 1, 1, 2, 0)
            : writeIpv6Header(buffer, START, 24, 58, address("fd00::1"), address("fd00::2"));
        writeIcmpHeader(buffer, at, 24, family, message, 0x1234, 0x5678, sum);
        const packet = new IpPacket();
        const icmp = new IcmpMessage();
        assert.ok(parseIpPacket(buffer, START, at + 24, packet).ok);
        assert.ok(parseIcmp(buffer, packet, icmp).ok);
        assert.equal(icmp.meaning, message);
        assert.equal(icmp.identifier, 0x1234);
        assert.equal(icmp.bodyEnd - icmp.bodyStart, 16);
      }
    }
  });
});
