/** The frame of every page, and the small parts that pages share. Everything works without a script; it only copies and folds. */
import type { Reply } from "../../../http/message.ts";
import { text } from "../../../http/reply.ts";
import type { Digest } from "../../../store/digest.ts";
import { shortDigest, showAge, visibleText } from "./format.ts";
import { html, type Html } from "./html.ts";

/** Nothing from elsewhere, nothing inline, no frame around it. */
const PAGE_POLICY = "default-src 'none'; style-src 'self'; script-src 'self'; img-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'";
/** What a client pushed never runs here. */
export const FILE_POLICY = "default-src 'none'; sandbox";

export const ASSETS = "/ui/-";

export interface Page {
  readonly title: string;
  /** @default the title */
  readonly heading?: string;
  /** Names and addresses of the pages above. */
  readonly above?: readonly (readonly [label: string, href: string])[];
  readonly body: Html;
  /** Seconds; the page is asked for again then. */
  readonly again?: number;
}

export function showPage({ title, heading = title, above = [], body, again }: Page, status = 200): Reply {
  const page = html`<!doctype html>
    <html lang="en">
      <head>
        <meta charset="utf-8" />
        <meta name="viewport" content="width=device-width, initial-scale=1" />
        <meta name="color-scheme" content="light dark" />
        ${again === undefined ? NOTHING : html`<meta http-equiv="refresh" content="${again}" />`}
        <title>${title} – registry</title>
        <link rel="icon" href="${ASSETS}/icon.svg" />
        <link rel="stylesheet" href="${ASSETS}/style.css" />
        <script src="${ASSETS}/page.js" defer></script>
      </head>
      <body>
        <a class="skip" href="#main">Skip to content</a>
        <header>
          <nav aria-label="Breadcrumb">
            <ol>
              <li><a href="/ui/">Registry</a></li>
              ${above.map(([label, href]) => html`<li><a href="${href}">${label}</a></li>`)}
            </ol>
          </nav>
        </header>
        <main id="main">
          <h1>${heading}</h1>
          ${body}
        </main>
      </body>
    </html>`;
  const headers = {
    "content-type": "text/html; charset=utf-8",
    "content-security-policy": PAGE_POLICY,
    "cache-control": "private, no-cache",
    "referrer-policy": "no-referrer",
    "x-frame-options": "DENY",
  };
  return text(status, page.html.replaceAll(/>\s+</g, ">\n<"), headers);
}

export const NOTHING: Html = { html: "" };

/** The page of a repository, a tag or a digest; `view` is one of its further pages. */
export function pathOf(name: string, reference = "", view = "", query: Readonly<Record<string, string>> = {}): string {
  const parts = name.split("/").map(encodeURIComponent).join("/");
  const asked = new URLSearchParams(query).toString();
  const separator = reference === "" ? "" : reference.includes(":") ? "@" : ":";
  return `/ui/${parts}${separator}${reference}${view === "" ? "" : `/-/${view}`}${asked === "" ? "" : `?${asked}`}`;
}

export function showDigest(digest: Digest): Html {
  return html`<code title="${digest}">${shortDigest(digest)}</code>`;
}

export function showTime(milliseconds: number, now: number): Html {
  if (!Number.isFinite(milliseconds) || Math.abs(milliseconds) > 8.64e15) return NOTHING;
  const iso = new Date(milliseconds).toISOString();
  return html`<time datetime="${iso}" title="${iso}">${showAge(milliseconds, now)}</time>`;
}

/** A line to copy; the script puts a button beside it. */
export function showCommand(command: string): Html {
  return html`<pre class="command" data-copy tabindex="0"><code>${command}</code></pre>`;
}

/** Names and values, those without a value left out. */
export function showFacts(facts: readonly (readonly [name: string, value: string | Html | undefined])[]): Html {
  const rows = facts.flatMap(([name, value]) =>
    value === undefined || value === ""
      ? []
      : [
          html`<div>
            <dt>${name}</dt>
            <dd>${typeof value === "string" ? visibleText(value) : value}</dd>
          </div>`,
        ],
  );
  return html`<dl class="facts">${rows}</dl>`;
}

/** On a phone each row becomes a card, its cells named by `columns`. */
/** Of one table; a page does not grow with what a client wrote into a manifest. */
export const MAX_ROWS = 512;

/** Says that there are more than are shown. */
export function showLeft(all: number): Html {
  return all > MAX_ROWS ? html`<p>and ${all - MAX_ROWS} more</p>` : NOTHING;
}

export function showTable(caption: string, columns: readonly string[], rows: readonly (readonly (string | Html)[])[]): Html {
  return html`<table class="cards">
    <caption class="unseen">
      ${caption}
    </caption>
    <thead>
      <tr>
        ${columns.map((column) => html`<th scope="col">${column}</th>`)}
      </tr>
    </thead>
    <tbody>
      ${rows.map(
        (cells) =>
          html`<tr>
            ${cells.map((cell, index) => html`<td data-label="${columns[index] ?? ""}"><div>${cell}</div></td>`)}
          </tr>`,
      )}
    </tbody>
  </table>`;
}
