import { type AnswerCode, answerCodes } from "./catalogue.ts";

const style = `
:root { color-scheme: light dark; }
body { font: 16px/1.5 system-ui, sans-serif; margin: 0; min-height: 100vh; display: grid; place-items: center;
  background: #f6f7f9; color: #1c2430; }
main { max-width: 30rem; margin: 1rem; padding: 2rem; background: #fff; border-radius: .75rem;
  box-shadow: 0 1px 3px #0002; }
h1 { font-size: 1.375rem; margin: 0 0 .5rem; }
p { margin: .5rem 0; }
small { color: #667085; }
label { display: block; margin-top: 1rem; font-weight: 600; }
input { font: inherit; width: 100%; box-sizing: border-box; padding: .5rem; margin-top: .25rem;
  border: 1px solid #98a2b3; border-radius: .375rem; background: inherit; color: inherit; }
button { font: inherit; margin-top: 1rem; padding: .5rem 1rem; border: 0; border-radius: .375rem;
  background: #c2410c; color: #fff; }
@media (prefers-color-scheme: dark) {
  body { background: #14181f; color: #e4e7ec; } main { background: #1f2530; } small { color: #98a2b3; }
}`;

/** Text that becomes part of a page. */
export function escapeHtml(text: string): string {
  return text.replace(/[&<>"']/g, (character) => `&#${character.charCodeAt(0)};`);
}

/** A whole page. @param body markup; every text in it escaped by the caller */
export function page(title: string, body: string): string {
  return `<!doctype html>
<html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width">
<meta name="robots" content="noindex"><title>${escapeHtml(title)}</title><style>${style}</style></head>
<body><main>${body}</main></body></html>
`;
}

/** The page for one of our own answers. */
export function errorPage(code: AnswerCode, requestId: string, host: string): string {
  const { status, title, message, hint } = answerCodes[code];
  return page(
    `${status} ${title}`,
    `<h1>${title}</h1>
<p>${escapeHtml(message)}</p>
<p>${escapeHtml(hint)}</p>
<p><small>${status} · ${escapeHtml(code)} · ${escapeHtml(host)} · request ${escapeHtml(requestId)}</small></p>`,
  );
}
