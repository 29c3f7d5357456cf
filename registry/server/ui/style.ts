/** The pages' stylesheet and sign. Wide screens get tables, narrow ones a card for each row. */

export const ICON = `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 16 16"><path fill="#0b6bcb" d="M8 1 1 4.5 8 8l7-3.5z"/><path fill="#3b93e6" d="m1 8 7 3.5L15 8l-2.5-1.2L8 9 3.5 6.8z"/><path fill="#84bdf3" d="m1 11.5 7 3.5 7-3.5-2.5-1.2L8 12.5l-4.5-2.2z"/></svg>`;

export const STYLE = `
:root { color-scheme: light dark; --back: #fff; --raised: #f5f7f9; --text: #1b2129; --quiet: #58636f; --line: #d9dfe5; --link: #0a5cad;
  --accent: #0b6bcb; --added: #146c2e; --changed: #8a5300; --hidden: #b3202c; --note: #fff6dd; }
@media (prefers-color-scheme: dark) {
  :root { --back: #12161b; --raised: #1b2128; --text: #e4e9ee; --quiet: #9aa7b4; --line: #303943; --link: #79b8ff;
    --accent: #4a9df0; --added: #6fd58a; --changed: #e8b45c; --hidden: #ff8f95; --note: #2e2a1a; }
}
* { box-sizing: border-box; }
body { margin: 0; background: var(--back); color: var(--text); font: 16px/1.55 system-ui, sans-serif; overflow-wrap: anywhere; }
header { border-bottom: 1px solid var(--line); background: var(--raised); }
header nav, main { max-width: 68rem; margin: 0 auto; padding: .7rem 1.2rem; }
header ol { display: flex; flex-wrap: wrap; gap: .2rem .5rem; margin: 0; padding: 0; list-style: none; }
header li + li::before { content: "/"; margin-right: .5rem; color: var(--quiet); }
header li:first-child a { font-weight: 600; color: var(--text); }
header li:first-child a::before { content: ""; display: inline-block; width: 1em; height: 1em; margin-right: .45em; vertical-align: -.12em; background: url(icon.svg) center / contain no-repeat; }
main { padding-bottom: 4rem; }
h1 { margin: 1.2rem 0 .8rem; font-size: 1.6rem; line-height: 1.25; }
h2 { margin: 2.2rem 0 .7rem; font-size: 1.15rem; }
a { color: var(--link); text-decoration: none; }
a:hover { text-decoration: underline; }
:focus-visible { outline: 2px solid var(--accent); outline-offset: 2px; border-radius: 3px; }
code, pre { font: .875em/1.5 ui-monospace, SFMono-Regular, Menlo, Consolas, monospace; }
pre { margin: 0; white-space: pre-wrap; }
.quiet { color: var(--quiet); }
.unseen, .skip:not(:focus) { position: absolute; width: 1px; height: 1px; overflow: hidden; clip-path: inset(50%); white-space: nowrap; }
.skip:focus { position: absolute; padding: .5rem 1rem; background: var(--back); }
.note { padding: .7rem 1rem; border-left: 4px solid var(--changed); background: var(--note); border-radius: 4px; }
.list { margin: 0; padding: 0; list-style: none; border: 1px solid var(--line); border-radius: 8px; }
.list:empty { display: none; }
.list li + li { border-top: 1px solid var(--line); }
.list a { display: block; padding: .6rem 1rem; font-weight: 500; }
.list a:hover { background: var(--raised); text-decoration: none; }
.plain { margin: 0; padding: 0; list-style: none; }
.search { display: flex; flex-wrap: wrap; gap: .5rem; align-items: center; }
input, select, button { padding: .45rem .8rem; font: inherit; color: inherit; background: var(--back); border: 1px solid var(--line); border-radius: 6px; max-width: 100%; }
input { flex: 1 1 14rem; min-width: 0; max-width: 28rem; }
button { background: var(--raised); cursor: pointer; }
button:hover { border-color: var(--accent); }
.more { display: inline-block; padding: .4rem .9rem; border: 1px solid var(--line); border-radius: 6px; }
.command { padding: .6rem .9rem; margin: .4rem 0; background: var(--raised); border: 1px solid var(--line); border-radius: 6px; }
.copy { float: right; margin: .3rem .35rem 0 .6rem; padding: .2rem .6rem; font-size: .875rem; }
.copy + .command { padding-right: 5.5rem; }
.facts { display: grid; grid-template-columns: minmax(7rem, max-content) 1fr; gap: .25rem 1.2rem; margin: 0; }
.facts div { display: contents; }
.facts dt { color: var(--quiet); max-width: 20rem; }
.facts dd { margin: 0; min-width: 0; }
table { width: 100%; border-collapse: collapse; font-size: .95rem; }
th { color: var(--quiet); font-weight: 500; text-align: left; white-space: nowrap; }
th, td { padding: .5rem 1rem .5rem 0; border-bottom: 1px solid var(--line); vertical-align: top; }
td:not([data-label="Instruction"]):not([data-label="Path"]) code, time { white-space: nowrap; }
td[data-label="Size"], td[data-label="Files"], td[data-label="Layer"] { white-space: nowrap; }
.instruction summary { cursor: pointer; }
.instruction pre { margin-top: .4rem; padding: .6rem; background: var(--raised); border-radius: 6px; }
code.instruction { white-space: pre-wrap; }
.counts > span { margin-right: .25rem; }
a .counts > span { text-decoration: underline; text-underline-offset: .2em; text-decoration-thickness: 1px; }
.legend { display: flex; flex-wrap: wrap; gap: .2rem .8rem; align-items: baseline; margin: .6rem 0; font-size: .875rem; }
.legend .fold { margin-left: auto; }
.instruction + .facts { margin-top: .9rem; }
code.instruction { display: inline-block; }
.added { color: var(--added); } .changed { color: var(--changed); } .hidden { color: var(--hidden); }
.neighbours { display: flex; gap: 1.2rem; margin-top: 1rem; }
.trail { margin: .5rem 0; }
.tree, .tree ul { margin: 0; padding: 0; list-style: none; }
.tree ul { padding-left: 1.3rem; border-left: 1px solid var(--line); margin-left: .4rem; }
.tree li > .entry { padding-left: 1.1rem; }
.tree summary { cursor: pointer; }
.tree summary::marker { color: var(--quiet); font-size: .8em; }
.tree summary > .entry { display: inline-flex; width: calc(100% - .95rem); vertical-align: top; }
.entry { display: flex; flex-wrap: wrap; gap: 0 .6rem; align-items: baseline; padding: .12rem 0; }
.entry > .path { min-width: 0; }
.entry > .size { margin-left: auto; white-space: nowrap; font-size: .875rem; }
.mark { width: .8em; font: 600 1em/1 ui-monospace, monospace; }
.mark.hidden ~ .path { text-decoration: line-through; }
.fold button { padding: .15rem .6rem; font-size: .875rem; }
@media (max-width: 44rem) {
  main, header nav { padding-left: .9rem; padding-right: .9rem; }
  .facts { grid-template-columns: minmax(0, 2fr) minmax(0, 5fr); gap: .25rem .8rem; }
  .cards thead { display: none; }
  .cards, .cards tbody, .cards tr, .cards td { display: block; width: 100%; }
  .cards tr { margin-bottom: .8rem; padding: .5rem .8rem; border: 1px solid var(--line); border-radius: 8px; }
  .cards td { display: grid; grid-template-columns: 6.2rem minmax(0, 1fr); gap: .5rem; padding: .15rem 0; border: 0; }
  .cards td:not(:has(> div > *)):has(> div:empty) { display: none; }
  .cards td[data-label="Instruction"] { display: block; }
  .cards td[data-label="Instruction"]::before { display: none; }
  .cards td::before { content: attr(data-label); color: var(--quiet); font-size: .875rem; }
}
@media (prefers-reduced-motion: no-preference) { a, button { transition: background-color .1s, border-color .1s; } }
`;
