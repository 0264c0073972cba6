import assert from "node:assert/strict";
import { humanLines } from "../src/log.ts";

suite("log lines for a terminal", () => {
  test("are short: time, level, message, fields", () => {
    const written: string[] = [];
    humanLines((line) => written.push(line)).write(
      '{"level":"info","time":"2026-01-02T12:04:05.678Z","peer_id":"p","count":2,"msg":"joined"}\n',
    );
    assert.deepEqual(written, ["12:04:05 info  joined peer_id=p count=2\n"]);
  });
});
