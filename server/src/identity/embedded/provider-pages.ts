import type { KoaContextWithOIDC } from "oidc-provider";
import { Html, html } from "../../http/html.ts";
import { pageHeaders, renderPage } from "../../http/pages/layout.ts";
import { messagePage } from "../../http/pages/sign-in-page.ts";

// The library's own pages load fonts of somebody else.

/** @param form what the library wants to be sent when the answer is yes */
export async function logoutPage(ctx: KoaContextWithOIDC, form: string): Promise<void> {
  send(
    ctx,
    renderPage({
      title: "Sign out",
      body: html`<h1>Sign out</h1>
<p>of your NetBird network, in this browser?</p>
${new Html(form)}
<button autofocus type="submit" form="op.logoutForm" value="yes" name="logout">Sign out</button>
<button type="submit" form="op.logoutForm">Stay signed in</button>`,
    }),
  );
}

export async function signedOutPage(ctx: KoaContextWithOIDC): Promise<void> {
  send(ctx, messagePage("Signed out", "You can close this page."));
}

function send(ctx: KoaContextWithOIDC, page: string): void {
  ctx.set({ ...pageHeaders });
  ctx.body = page;
}
