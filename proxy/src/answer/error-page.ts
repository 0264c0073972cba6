import { type AnswerCode, answerCodes } from "./catalogue.ts";
import { pageStyle } from "./page-style.ts";

/** Text that becomes part of a page. */
export function escapeHtml(text: string): string {
  return text.replace(/[&<>"']/g, (character) => `&#${character.charCodeAt(0)};`);
}

/**
 * A whole page.
 *
 * @param body markup; every text in it escaped by the caller
 * @param style further style sheet, which sendAnswer lets through
 */
export function page(title: string, body: string, style = ""): string {
  return `<!doctype html>
<html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width">
<meta name="robots" content="noindex"><title>${escapeHtml(title)}</title><style>${pageStyle}</style>${style === "" ? "" : `<style>${style}</style>`}</head>
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
