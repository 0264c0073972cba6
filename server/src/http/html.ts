import { createHash } from "node:crypto";

/** Text that has been made fit for HTML. */
export class Html {
  readonly text: string;

  constructor(text: string) {
    this.text = text;
  }
}

/** Whatever is put in is escaped, unless it is HTML itself. */
export function html(strings: TemplateStringsArray, ...values: readonly (string | Html | undefined)[]): Html {
  return new Html(
    strings.reduce((text, part, index) => {
      const value = values[index - 1];
      return `${text}${value instanceof Html ? value.text : escapeHtml(value ?? "")}${part}`;
    }),
  );
}

function escapeHtml(text: string): string {
  return text.replace(/[&<>"']/g, (character) => `&#${character.charCodeAt(0)};`);
}

/** For a `style-src`: this text and no other (CSP Level 3 §2.3.1). */
export function cspHash(text: string): string {
  return `'sha256-${createHash("sha256").update(text).digest("base64")}'`;
}
