import { cspHash, Html, html } from "../html.ts";

// One small sheet for every page: no font, image or script of anybody.
const STYLE = `
:root{color-scheme:light dark;--bg:#f4f5f7;--card:#fff;--text:#1c2126;--dim:#5b6570;--line:#c5ccd3;--accent:#c2410c;--bad:#b42318;--badbg:#fef3f2}
@media(prefers-color-scheme:dark){:root{--bg:#14171a;--card:#1d2125;--text:#e8ebee;--dim:#9aa4ae;--line:#3b434b;--accent:#f68330;--bad:#ff9a8f;--badbg:#3a1c1a}}
*{box-sizing:border-box}
body{margin:0;min-height:100vh;display:grid;place-items:center;padding:16px;background:var(--bg);color:var(--text);font:16px/1.5 system-ui,sans-serif}
main{width:100%;max-width:400px;padding:32px;background:var(--card);border:1px solid var(--line);border-radius:12px}
h1{margin:0 0 4px;font-size:22px}
p{margin:0 0 20px;color:var(--dim)}
label{display:block;margin:16px 0 4px;font-weight:600}
input{width:100%;padding:10px 12px;font:inherit;color:inherit;background:var(--bg);border:1px solid var(--line);border-radius:8px}
input:focus-visible,button:focus-visible{outline:3px solid var(--accent);outline-offset:1px}
button{width:100%;margin-top:24px;padding:12px;font:inherit;font-weight:600;color:#fff;background:#c2410c;border:0;border-radius:8px;cursor:pointer}
.error{margin:16px 0 0;padding:10px 12px;color:var(--bad);background:var(--badbg);border-radius:8px}
`;

export interface Page {
  title: string;
  body: Html;
}

/** A whole document; works without JavaScript. */
export function renderPage({ title, body }: Page): string {
  return html`<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="robots" content="noindex">
<title>${title}</title>
<style>${new Html(STYLE)}</style>
</head>
<body><main>${body}</main></body>
</html>
`.text;
}

/**
 * Headers of a page: nothing is loaded, nobody frames it, nobody keeps it. There is no `form-action`: browsers apply it to
 * the redirects after the form too, which end at the address that the visitor came from.
 */
export const pageHeaders: Readonly<Record<string, string>> = {
  "Content-Type": "text/html; charset=utf-8",
  "Cache-Control": "no-store",
  "Content-Security-Policy": `default-src 'none'; style-src ${cspHash(STYLE)}; base-uri 'none'; frame-ancestors 'none'`,
};
