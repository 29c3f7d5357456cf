/** All repositories that the visitor may read. */
import type { Reply } from "../../../http/message.ts";
import { countOf, visibleText } from "./format.ts";
import { html, type Html } from "./html.ts";
import { NOTHING, pathOf, showPage } from "./layout.ts";
import type { PageSource } from "./source.ts";

const ROWS = 100;

export interface Visitor {
  /** Whether the name of a repository may be shown. */
  readonly mayRead: (name: string) => boolean;
  /** Where to log in, for who could see more then. */
  readonly login: string | undefined;
}

export async function showRepositories({ repositories }: PageSource, query: URLSearchParams, { mayRead, login }: Visitor): Promise<Reply> {
  const wanted = (query.get("q") ?? "").trim();
  const from = readOffset(query);
  const found = (await repositories.names()).filter((name) => name.includes(wanted.toLowerCase()) && mayRead(name));
  const rows = found.slice(from, from + ROWS).map((name) => html`<li><a href="${pathOf(name)}">${name}</a></li>`);
  const body = html`${showSearch("/ui/", "Search repositories", wanted)}
    <p class="quiet">
      ${countOf(found.length, "repository").replace("repositorys", "repositories")}${login === undefined ? NOTHING : html` · <a href="${login}">Log in</a> to see yours`}
    </p>
    <ul class="list">
      ${rows}
    </ul>
    ${showMore("/ui/", { q: wanted }, from + ROWS, found.length)}`;
  return showPage({ title: "Repositories", body });
}

export function readOffset(query: URLSearchParams): number {
  const text = query.get("from") ?? "";
  return /^\d{1,9}$/.test(text) ? Number(text) : 0;
}

export function showSearch(action: string, label: string, value: string): Html {
  return html`<form class="search" role="search" action="${action}" method="get">
    <label class="unseen" for="q">${label}</label>
    <input id="q" name="q" type="search" value="${visibleText(value)}" placeholder="${label}" autocomplete="off" />
    <button>Search</button>
  </form>`;
}

/** A link to the next rows, when there are any. */
export function showMore(path: string, query: Readonly<Record<string, string>>, next: number, total: number): Html {
  if (next >= total) return NOTHING;
  const asked = new URLSearchParams({ ...Object.fromEntries(Object.entries(query).filter(([, value]) => value !== "")), from: String(next) });
  return html`<p><a class="more" rel="next" href="${path}?${asked.toString()}">More (${total - next})</a></p>`;
}
