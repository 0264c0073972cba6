import assert from "node:assert/strict";
import { copyFileSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { createRequire } from "node:module";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { AppError } from "@netbird-proxy/proto";
import { pino } from "pino";
import { openCountryDatabase } from "../../src/geo/country-database.ts";
import { eventually } from "../support/control-plane.ts";

const log = pino({ level: "silent" });
const embedded = createRequire(import.meta.url).resolve(
  "@ip-location-db/geo-whois-asn-country-mmdb/geo-whois-asn-country.mmdb",
);
const onlyIpv6 = createRequire(import.meta.url).resolve(
  "@ip-location-db/geo-whois-asn-country-mmdb/geo-whois-asn-country-ipv6.mmdb",
);

suite("the country of an address", () => {
  let folder = "";
  setup(() => {
    folder = mkdtempSync(join(tmpdir(), "geo-"));
  });
  teardown(() => rmSync(folder, { recursive: true, force: true }));

  test("comes from the embedded database", async () => {
    const countries = await openCountryDatabase(undefined, log);
    // RIPE NCC's own network.
    assert.equal(countries.countryOf("193.0.6.139"), "NL");
    assert.equal(countries.countryOf("2001:67c:2e8:22::c100:68b"), "NL");
    for (const unknown of ["10.0.0.1", "127.0.0.1", "fd00::1", "", "no address"]) {
      assert.equal(countries.countryOf(unknown), "", unknown);
    }
  });

  test("comes from a file that may be replaced while it is used; a bad one leaves the old one in place", async () => {
    const file = join(folder, "countries.mmdb");
    copyFileSync(onlyIpv6, file);
    const countries = await openCountryDatabase(file, log, { pollMs: 20 });
    try {
      assert.equal(countries.countryOf("193.0.6.139"), "");
      copyFileSync(embedded, file);
      await eventually(async () => countries.countryOf("193.0.6.139") === "NL");
      writeFileSync(file, "no database");
      await new Promise((resolve) => setTimeout(resolve, 100));
      assert.equal(countries.countryOf("193.0.6.139"), "NL");
    } finally {
      countries.close();
    }
  });

  test("a file that is none is named", async () => {
    const file = join(folder, "countries.mmdb");
    for (const make of [() => {}, () => writeFileSync(file, "text")]) {
      make();
      await assert.rejects(openCountryDatabase(file, log), (error) => {
        assert.ok(error instanceof AppError);
        assert.equal(error.code, "geo.database_unusable");
        assert.ok(error.message.includes(file));
        assert.match(error.hint, /NB_SERVER_GEO_DATABASE/);
        return true;
      });
    }
  });
});
