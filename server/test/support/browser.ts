import type { App } from "../../src/http/app-type.ts";

export interface Visit {
  status: number;
  location: string | undefined;
  text: string;
  headers: Record<string, unknown>;
}

/** Keeps cookies by path and follows redirects inside the server, as a browser does. */
export class Browser {
  readonly cookies = new Map<string, { value: string; path: string }>();
  /** Where the next request goes. */
  app: App;
  readonly #origin: string;
  readonly #address: string;

  constructor(app: App, origin: string, address = "198.51.100.7") {
    this.app = app;
    this.#origin = origin;
    this.#address = address;
  }

  /** @returns the first answer that is no redirect inside the server */
  async go(url: string, form?: Record<string, string>): Promise<Visit & { url: string }> {
    let target = new URL(url, this.#origin);
    let visit = await this.#once(target, form);
    for (let step = 0; visit.location !== undefined && step < 10; step += 1) {
      const next = new URL(visit.location, target);
      if (next.origin !== this.#origin) return { ...visit, url: next.href };
      target = next;
      visit = await this.#once(target);
    }
    return { ...visit, url: target.href };
  }

  async #once(url: URL, form?: Record<string, string>): Promise<Visit> {
    const cookie = [...this.cookies]
      .filter(([, { path }]) => url.pathname.startsWith(path))
      .map(([name, { value }]) => `${name}=${value}`)
      .join("; ");
    const answer = await this.app.inject({
      method: form ? "POST" : "GET",
      url: url.pathname + url.search,
      remoteAddress: this.#address,
      headers: {
        host: "internal:8080",
        ...(cookie === "" ? {} : { cookie }),
        ...(form ? { "content-type": "application/x-www-form-urlencoded" } : {}),
      },
      ...(form ? { payload: new URLSearchParams(form).toString() } : {}),
    });
    for (const line of [answer.headers["set-cookie"] ?? []].flat()) {
      const [pair = "", ...attributes] = line.split("; ");
      const at = pair.indexOf("=");
      const path = attributes.find((one) => /^path=/i.test(one))?.slice(5) ?? "/";
      const gone = attributes.some((one) => /^expires=Thu, 01 Jan 1970/i.test(one));
      if (gone) this.cookies.delete(pair.slice(0, at));
      else this.cookies.set(pair.slice(0, at), { value: pair.slice(at + 1), path });
    }
    return {
      status: answer.statusCode,
      location:
        answer.statusCode >= 300 && answer.statusCode < 400 ? String(answer.headers.location) : undefined,
      text: answer.body,
      headers: answer.headers,
    };
  }
}
