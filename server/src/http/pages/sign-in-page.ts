import { html } from "../html.ts";
import { renderPage } from "./layout.ts";

export interface SignInPage {
  /** Typed before, or given by the application. */
  email: string;
  error?: string;
}

export function signInPage({ email, error }: SignInPage): string {
  return renderPage({
    title: error ? `Error: ${error}` : "Sign in",
    body: html`<h1>Sign in</h1>
<p>to your NetBird network</p>
${error ? html`<div class="error" role="alert">${error}</div>` : undefined}
<form method="post">
<label for="email">E-mail address</label>
<input id="email" name="email" type="email" autocomplete="username" required value="${email}"${email ? undefined : html` autofocus`}>
<label for="password">Password</label>
<input id="password" name="password" type="password" autocomplete="current-password" required${email ? html` autofocus` : undefined}>
<button>Sign in</button>
</form>`,
  });
}

/** For what cannot go on here. */
export function messagePage(title: string, message: string): string {
  return renderPage({ title, body: html`<h1>${title}</h1><p>${message}</p>` });
}
