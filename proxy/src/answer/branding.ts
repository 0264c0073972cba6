import { createHash } from "node:crypto";
import type { control } from "@netbird-proxy/proto/grpc";

/** `--card` of page-style.ts in the dark. */
const DARK_CARD = "#1f2530";

/** How the pages of one account look. */
export interface Brand {
  /** Empty for none. */
  readonly name: string;
  /** `data:` URL; empty for none. */
  readonly logo: string;
  /** Further style sheet; empty for none. */
  readonly style: string;
  /** What a Content-Security-Policy has to let through for it, besides what every page has. */
  readonly styleSource: string;
}

/** The brands of accounts, by id. */
export class Brandings {
  #brands: ReadonlyMap<string, Brand> = new Map();
  /** As management told them. */
  told: readonly control.AccountBranding[] = [];
  /** There is something new to be kept. */
  onChange: (() => void) | undefined;

  of(accountId: string | undefined): Brand | undefined {
    return accountId === undefined ? undefined : this.#brands.get(accountId);
  }

  replace(brandings: readonly control.AccountBranding[]): void {
    this.told = brandings;
    this.#brands = new Map(brandings.map((one) => [one.accountId, brand(one)]));
    this.onChange?.();
  }
}

/** What is not what the server takes is left out: it becomes part of pages. */
export function brand({ name, logo, color }: { name: string; logo: string; color: string }): Brand {
  const style = /^#[0-9a-f]{6}$/i.test(color)
    ? `:root { ${accent(color)} } @media (prefers-color-scheme: dark) { :root { ${accent(onDark(color))} } }`
    : "";
  return {
    name,
    logo: /^data:image\/(png|jpeg|webp);base64,[A-Za-z0-9+/]+={0,2}$/.test(logo) ? logo : "",
    style,
    styleSource: style === "" ? "" : ` 'sha256-${createHash("sha256").update(style).digest("base64")}'`,
  };
}

function accent(color: string): string {
  // Black or white, whichever is easier to read; both are equal at 0.179.
  return `--accent: ${color}; --on-accent: ${luminance(parts(color)) > 0.179 ? "#000" : "#fff"};`;
}

/** The colour, or the first lighter shade of it that is seen on the dark card (contrast of 3, WCAG 2.2, 1.4.11). */
function onDark(color: string): string {
  const wanted = parts(color);
  for (let white = 0; white <= 1; white += 0.05) {
    const shade = wanted.map((part) => Math.round(part + (255 - part) * white));
    if ((luminance(shade) + 0.05) / (luminance(parts(DARK_CARD)) + 0.05) < 3) continue;
    return `#${shade.map((part) => part.toString(16).padStart(2, "0")).join("")}`;
  }
  return "#ffffff";
}

function parts(color: string): number[] {
  return [1, 3, 5].map((at) => Number.parseInt(color.slice(at, at + 2), 16));
}

/** WCAG 2.2 relative luminance. */
function luminance(color: readonly number[]): number {
  const [red, green, blue] = color.map((part) => {
    const share = part / 255;
    return share <= 0.04045 ? share / 12.92 : ((share + 0.055) / 1.055) ** 2.4;
  }) as [number, number, number];
  return 0.2126 * red + 0.7152 * green + 0.0722 * blue;
}
