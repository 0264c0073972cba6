import assert from "node:assert/strict";
import { copyFileSync, mkdirSync, mkdtempSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { createRequire } from "node:module";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { CountryDatabaseError, openCountryDatabase } from "../src/index.ts";

const require = createRequire(import.meta.url);
const embedded = require.resolve("@ip-location-db/geo-whois-asn-country-mmdb/geo-whois-asn-country.mmdb");
const onlyIpv6 = require.resolve(
  "@ip-location-db/geo-whois-asn-country-mmdb/geo-whois-asn-country-ipv6.mmdb",
);

suite("the country of an address", () => {
  let folder = "";
  let told: string[] = [];
  const events = {
    onReplaced: (file: string) => told.push(`replaced ${file}`),
    onUnusable: ({ file }: CountryDatabaseError) => told.push(`unusable ${file}`),
  };
  setup(() => {
    folder = mkdtempSync(join(tmpdir(), "geo-"));
    told = [];
  });
  teardown(() => rmSync(folder, { recursive: true, force: true }));

  test("comes from the embedded database; private and overlay addresses have none", async () => {
    const countries = await openCountryDatabase({}, events);
    // RIPE NCC's own network.
    assert.equal(countries.countryOf("193.0.6.139"), "NL");
    assert.equal(countries.countryOf("2001:67c:2e8:22::c100:68b"), "NL");
    for (const unknown of ["10.0.0.1", "100.64.0.7", "127.0.0.1", "fd00::1", "::1", "", "no address"]) {
      assert.equal(countries.countryOf(unknown), "", unknown);
    }
  });

  test("a file may be replaced while it is used; a bad one leaves the old one in place and is told once", async () => {
    const file = join(folder, "countries.mmdb");
    copyFileSync(onlyIpv6, file);
    const countries = await openCountryDatabase({ file }, events);
    try {
      assert.equal(countries.countryOf("193.0.6.139"), "");
      copyFileSync(embedded, file);
      await countries.refresh();
      assert.equal(countries.countryOf("193.0.6.139"), "NL");
      writeFileSync(file, "no database");
      await countries.refresh();
      await countries.refresh();
      rmSync(file);
      await countries.refresh();
      assert.equal(countries.countryOf("193.0.6.139"), "NL");
      copyFileSync(embedded, `${file}.new`);
      renameSync(`${file}.new`, file);
      await countries.refresh();
      assert.deepEqual(told, [
        `replaced ${file}`,
        `unusable ${file}`,
        `unusable ${file}`,
        `replaced ${file}`,
      ]);
    } finally {
      countries.close();
    }
  });

  test("is looked for again by itself", async () => {
    const file = join(folder, "countries.mmdb");
    copyFileSync(onlyIpv6, file);
    const countries = await openCountryDatabase({ file }, events, { pollMs: 5 });
    try {
      copyFileSync(embedded, file);
      while (countries.countryOf("193.0.6.139") !== "NL") await new Promise((done) => setTimeout(done, 5));
    } finally {
      countries.close();
    }
  });

  test("of a folder the last file by name counts, and without one the embedded database", async () => {
    const databases = join(folder, "geolocation");
    const countries = await openCountryDatabase({ folder: databases }, events);
    try {
      assert.equal(countries.file, embedded);
      mkdirSync(databases);
      writeFileSync(join(databases, "notes.txt"), "no database");
      const older = join(databases, "GeoLite2-City_20260101.mmdb");
      const newer = join(databases, "GeoLite2-City_20260201.mmdb");
      copyFileSync(onlyIpv6, older);
      await countries.refresh();
      assert.equal(countries.file, older);
      // Half downloaded: the older one goes on, and is not given up for the embedded one either.
      writeFileSync(newer, "no database");
      await countries.refresh();
      assert.equal(countries.file, older);
      copyFileSync(embedded, newer);
      await countries.refresh();
      assert.equal(countries.file, newer);
      rmSync(databases, { recursive: true });
      await countries.refresh();
      assert.equal(countries.file, embedded);
      assert.deepEqual(
        told.filter((line) => line.startsWith("unusable")),
        [`unusable ${newer}`],
      );
    } finally {
      countries.close();
    }
  });

  test("a proxy starts beside a broken file, with the next best one", async () => {
    writeFileSync(join(folder, "b.mmdb"), "no database");
    copyFileSync(onlyIpv6, join(folder, "a.mmdb"));
    const countries = await openCountryDatabase({ folder }, events);
    countries.close();
    assert.equal(countries.file, join(folder, "a.mmdb"));
    assert.deepEqual(told, [`unusable ${join(folder, "b.mmdb")}`]);
  });

  test("a file that is none is named", async () => {
    const file = join(folder, "countries.mmdb");
    for (const make of [() => {}, () => writeFileSync(file, "text")]) {
      make();
      await assert.rejects(openCountryDatabase({ file }, events), (error) => {
        assert.ok(error instanceof CountryDatabaseError);
        assert.ok(error.message.includes(file));
        return true;
      });
    }
  });
});
