import assert from "node:assert/strict";
import { AppError } from "@netbird-proxy/proto";
import { pino } from "pino";
import { openCountries } from "../../src/geo/open-countries.ts";

test("a country database that is none is an error of the catalogue, with its name and a remedy", async () => {
  const log = pino({ level: "silent" });
  await assert.rejects(openCountries("/no/such/countries.mmdb", log), (error) => {
    assert.ok(error instanceof AppError);
    assert.equal(error.code, "geo.database_unusable");
    assert.ok(error.message.includes("/no/such/countries.mmdb"));
    assert.match(error.hint, /NB_SERVER_GEO_DATABASE/);
    return true;
  });
});
