import { createHash } from "node:crypto";

/** The one style sheet of all our pages. It is part of the page: nothing is loaded from anywhere. */
export const pageStyle = `
:root { color-scheme: light dark; --page: #f6f7f9; --card: #fff; --text: #1c2430; --quiet: #5b6472;
  --line: #7d8796; --accent: #b93815; --on-accent: #fff; --alert: #fef3f2; --on-alert: #912018; }
@media (prefers-color-scheme: dark) { :root { --page: #14181f; --card: #1f2530; --text: #e4e7ec; --quiet: #a3acba;
  --line: #78818f; --accent: #f97316; --on-accent: #1c1207; --alert: #3b1512; --on-alert: #fecdca; } }
body { font: 1rem/1.5 system-ui, sans-serif; margin: 0; min-height: 100vh; display: grid; place-items: center;
  background: var(--page); color: var(--text); }
main { box-sizing: border-box; width: calc(100% - 2rem); max-width: 28rem; margin: 1rem; padding: 2rem;
  background: var(--card); border-radius: .75rem; box-shadow: 0 1px 3px #0002; overflow-wrap: anywhere; }
h1 { font-size: 1.375rem; line-height: 1.3; margin: 0 0 .5rem; }
.logo { display: block; max-width: 100%; max-height: 4rem; margin: 0 0 1rem; }
.brand { margin: 0 0 .5rem; color: var(--quiet); font-weight: 600; }
.host { display: inline-block; }
p { margin: .5rem 0; }
small { color: var(--quiet); }
[role=alert] { background: var(--alert); color: var(--on-alert); padding: .5rem .75rem; border-radius: .375rem; }
label { font-weight: 600; }
.field { display: block; margin-top: 1rem; }
.field input { display: block; box-sizing: border-box; width: 100%; margin-top: .25rem; padding: .625rem; font: inherit;
  color: inherit; background: transparent; border: 1px solid var(--line); border-radius: .375rem; }
.field input.pin { --box: 2.25rem; --gap: .5rem; --boxes: calc(6 * (var(--box) + var(--gap)) - var(--gap));
  width: calc(var(--boxes) + 2rem); max-width: 100%; height: 2.75rem; padding: 0 0 0 calc(var(--box) / 2 - .5ch); border: 0;
  border-radius: 0; font: 1.25rem/2.75rem ui-monospace, monospace; letter-spacing: calc(var(--box) + var(--gap) - 1ch);
  background: repeating-linear-gradient(90deg, var(--line) 0 1px, transparent 1px calc(var(--box) - 1px),
    var(--line) calc(var(--box) - 1px) var(--box), var(--card) var(--box) calc(var(--box) + var(--gap)))
    0 0 / var(--boxes) 100% no-repeat,
    linear-gradient(var(--line) 0 0) 0 0 / var(--boxes) 1px no-repeat,
    linear-gradient(var(--line) 0 0) 0 100% / var(--boxes) 1px no-repeat; }
@media (max-width: 26rem) { main { padding: 1.5rem; } .field input.pin { --box: 2rem; --gap: .375rem; } }
button, .button { display: inline-block; margin-top: 1rem; padding: .625rem 1.25rem; font: inherit; font-weight: 600;
  border: 0; border-radius: .375rem; background: var(--accent); color: var(--on-accent); text-decoration: none; cursor: pointer; }
:focus-visible { outline: 3px solid var(--accent); outline-offset: 2px; }
fieldset { border: 0; margin: 1rem 0 0; padding: 0; }
legend { padding: 0; }
.tab { position: absolute; opacity: 0; }
.tab + label { display: inline-block; margin: .5rem 1rem 0 0; padding: .25rem 0; cursor: pointer;
  border-bottom: 3px solid transparent; color: var(--quiet); }
.tab:checked + label { border-color: var(--accent); color: var(--text); }
.tab:focus-visible + label { outline: 3px solid var(--accent); outline-offset: 2px; }
.panel { display: none; }
#by-password:checked ~ .password, #by-pin:checked ~ .pin-panel, #by-oidc:checked ~ .oidc { display: block; }
`;

/** What a Content-Security-Policy lets through: exactly this text. */
export const pageStyleSource = `'sha256-${createHash("sha256").update(pageStyle).digest("base64")}'`;
