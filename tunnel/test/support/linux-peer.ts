/**
 * The far end of the interoperability tests: kernel sockets inside a namespace. Started with `node --import tsx`, it prints
 * one JSON line per event.
 *
 *   linux-peer.ts serve               exchange on 7001, echo on 7002, reset on 7003, silent reader on 7004, HTTP on 7005,
 *                                     UDP echo on 7006
 *   linux-peer.ts dial ADDRESS PORT UP DOWN    one exchange as dialer
 */
import { createSocket } from "node:dgram";
import { createServer as createHttpServer } from "node:http";
import { connect, createServer } from "node:net";
import { exchangeAsDialer, exchangeAsListener } from "./exchange.ts";

const [mode, ...args] = process.argv.slice(2);
const report = (event: object) => process.stdout.write(`${JSON.stringify(event)}\n`);
const failed = (error: NodeJS.ErrnoException) =>
  report({ event: "failed", code: error.code, message: error.message });

if (mode === "dial") {
  const [host, port, up, down] = args as [string, string, string, string];
  const socket = connect({ host, port: Number(port), allowHalfOpen: true }, () => {
    exchangeAsDialer(socket, Number(up), Number(down)).then(
      (result) => report({ event: "done", ...result }),
      failed,
    );
  });
  socket.once("error", failed);
} else {
  const servers = [
    createServer({ allowHalfOpen: true }, (socket) => {
      exchangeAsListener(socket).then((result) => report({ event: "done", ...result }), failed);
    }).listen(7001, "::"),
    createServer({ allowHalfOpen: true }, (socket) => {
      socket.once("error", failed);
      socket.pipe(socket);
    }).listen(7002, "::"),
    createServer((socket) => {
      socket.once("error", failed);
      socket.once("data", () => socket.resetAndDestroy());
    }).listen(7003, "::"),
    createServer((socket) => {
      socket.once("error", failed);
      socket.once("close", () => report({ event: "closed" }));
      socket.pause();
    }).listen(7004, "::"),
    createHttpServer((request, response) => {
      response.end(`${request.method} ${request.url}`);
    }).listen(7005, "::"),
  ];
  const udp = createSocket("udp6");
  udp.on("message", (message, from) => udp.send(message, from.port, from.address));
  let waiting = servers.length + 1;
  const ready = () => {
    waiting -= 1;
    if (waiting === 0) report({ event: "ready" });
  };
  for (const server of servers) server.once("listening", ready);
  udp.bind(7006, "::", ready);
}
