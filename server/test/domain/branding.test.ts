import assert from "node:assert/strict";
import { brandingProblem, contrast } from "../../src/domain/branding.ts";

const base64 = (bytes: string) => Buffer.from(bytes, "latin1").toString("base64");
const PNG = `data:image/png;base64,${base64("\x89PNG\r\n\x1a\n and so on")}`;

suite("the branding of sign-in pages", () => {
  const problem = (branding: Parameters<typeof brandingProblem>[0]) => brandingProblem(branding)?.why ?? "";

  test("contrast is that of WCAG", () => {
    assert.equal(contrast("#000000", "#ffffff"), 21);
    assert.equal(contrast("#777777", "#777777"), 1);
    assert.equal(contrast("#ffffff", "#767676").toFixed(2), "4.54");
    assert.equal(contrast("#0000ff", "#ffffff").toFixed(2), "8.59");
  });

  test("a color has to be seen on a white page", () => {
    for (const color of ["", "#2563eb", "#DC2626", "#000080"])
      assert.equal(problem({ branding_color: color }), "");
    assert.match(problem({ branding_color: "#ffff00" }), /on white: contrast 1\.1 .* darker/);
    for (const color of ["blue", "#fff", "#1d4ed8;", "#1d4ed8}body{"])
      assert.match(problem({ branding_color: color }), /is no color such as/);
  });

  test("a logo is a small picture, and nothing that may hold more", () => {
    assert.equal(problem({ branding_logo: PNG }), "");
    assert.equal(problem({ branding_logo: `data:image/jpeg;base64,${base64("\xff\xd8\xff\xe0")}` }), "");
    assert.equal(problem({ branding_logo: `data:image/webp;base64,${base64("RIFF1234WEBPVP8 ")}` }), "");
    assert.match(
      problem({ branding_logo: PNG.replace("image/png", "image/jpeg") }),
      /says that it is jpeg, and its content is not/,
    );
    for (const logo of [
      "https://example.com/logo.png",
      `data:image/svg+xml;base64,${base64("<svg/>")}`,
      "data:image/png,x",
      `${PNG}" onerror="x`,
      "data:text/html;base64,AAAA",
    ])
      assert.match(problem({ branding_logo: logo }), /is no data:image/);
    assert.match(
      problem({ branding_logo: `data:image/png;base64,${"A".repeat(30_000)}` }),
      /30022 characters, at most 24576 .* smaller/,
    );
  });

  test("a name is one line of text", () => {
    assert.equal(problem({ branding_name: "Müller & Söhne <GmbH>" }), "");
    assert.equal(problem({ branding_name: "é".repeat(64) }), "");
    assert.match(problem({ branding_name: "é".repeat(65) }), /longer than 64/);
    assert.match(problem({ branding_name: "a\nb" }), /line breaks/);
  });
});
