import { html } from "../html.ts";
import { renderPage } from "./layout.ts";

export interface InvitePage {
  email: string;
  name: string;
  invitedBy: string;
  error?: string;
}

export function invitePage({ email, name, invitedBy, error }: InvitePage): string {
  return renderPage({
    title: error ? `Error: ${error}` : "Accept the invitation",
    body: html`<h1>Welcome, ${name}</h1>
<p>${invitedBy ? `${invitedBy} invites you` : "You are invited"} to a NetBird network. Choose a password for ${email}.</p>
${error ? html`<div class="error" role="alert">${error}</div>` : undefined}
<form method="post">
<input type="hidden" name="username" autocomplete="username" value="${email}">
<label for="password">Password</label>
<input id="password" name="password" type="password" autocomplete="new-password" minlength="8" required autofocus aria-describedby="rules">
<p id="rules">8 characters or more, with a digit, an upper-case letter and a special character.</p>
<button>Accept</button>
</form>`,
  });
}
