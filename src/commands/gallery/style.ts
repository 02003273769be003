/** The style of the gallery. Its hash is in the page's policy, so that no other style applies. */
export const GALLERY_STYLE = `
:root {
  color-scheme: light dark;
  --ground: #f4f5fa; --surface: #fff; --line: #dfe2ec; --ink: #171a26; --soft: #565d75;
  --accent: #5435e6; --good: #0b7a53; --bad: #bc2436; --other: #7a5200; --stage: #0d0f18;
  font: 16px/1.5 system-ui, -apple-system, "Segoe UI", Roboto, "Noto Sans", sans-serif;
}
@media (prefers-color-scheme: dark) {
  :root {
    --ground: #0e1019; --surface: #171a27; --line: #2a2f42; --ink: #eef0f8; --soft: #a5acc4;
    --accent: #b3a4ff; --good: #4fd6a3; --bad: #ff8a96; --other: #f0c36d; --stage: #07080d;
  }
}
*, *::before, *::after { box-sizing: border-box; }
body { margin: 0; color: var(--ink); background: var(--ground); }
header, main { width: min(90rem, 100% - 2.5rem); margin-inline: auto; }
header { padding-block: 1.75rem 1.25rem; }
h1 { margin: 0; font-size: 1.625rem; letter-spacing: -.015em; }
header p { margin: .25rem 0 0; color: var(--soft); }
main { padding-bottom: 3rem; }
.cards {
  display: grid; grid-template-columns: repeat(auto-fill, minmax(min(19rem, 100%), 1fr));
  gap: 1.25rem; margin: 0; padding: 0; list-style: none;
}
.card {
  display: flex; flex-direction: column; gap: .625rem; min-width: 0; padding-bottom: 1rem; overflow: hidden;
  border: 1px solid var(--line); border-radius: 14px; background: var(--surface);
}
.card:target { outline: 3px solid var(--accent); outline-offset: 2px; }
.card > :not(.stage) { margin: 0; padding-inline: 1rem; overflow-wrap: anywhere; }
.stage {
  display: grid; place-items: center; width: 100%; margin: 0; aspect-ratio: 16/9; object-fit: contain;
  background: linear-gradient(135deg, #2b2350, #10343a) var(--stage); color: #d9dcec;
}
.stage[poster], img.stage { background: var(--stage); }
.card h2 { font-size: 1rem; line-height: 1.35; letter-spacing: -.01em; }
.file { order: 9; font-size: .875rem; font-weight: 550; }
a, summary { color: var(--accent); }
summary { cursor: pointer; font-size: .875rem; }
details p { margin: .375rem 0 0; white-space: pre-wrap; }
.state { color: var(--other); font-size: .875rem; font-weight: 600; }
.state::before { content: "●"; margin-right: .4rem; }
.state span { display: block; color: var(--soft); font-weight: 400; }
.good { color: var(--good); } .bad { color: var(--bad); } .busy { color: var(--accent); }
dl { display: flex; flex-wrap: wrap; gap: .125rem 1.25rem; font-size: .875rem; }
dl div { display: flex; gap: .4rem; }
dt { color: var(--soft); }
dd { margin: 0; }
code { font: .8125rem ui-monospace, SFMono-Regular, Menlo, Consolas, monospace; }
:focus-visible { outline: 3px solid var(--accent); outline-offset: 2px; }
video:focus-visible, .file:focus-visible { outline-offset: -3px; }
.hidden { position: absolute; width: 1px; height: 1px; overflow: hidden; clip-path: inset(50%); white-space: nowrap; }
.empty { color: var(--soft); }
@media print { .card { break-inside: avoid; } }
`;
