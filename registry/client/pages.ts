/** A list that comes in pages, each with a Link to the next. Spec: distribution-spec v1.1, "Listing Tags"; RFC 5988. */
import { RegistryError } from "../errors.ts";
import { readBytes } from "./answer-error.ts";
import { resolveUrl, type Answer } from "./connection.ts";
import type { Remote, RemoteExchange } from "./remote.ts";

/** Of a page; what one takes for a manifest, or more. */
const MAX_PAGE_BYTES = 16 << 20;
/** Of all of them: some ten million tags. */
const MAX_LIST_BYTES = 256 << 20;
const MAX_PAGES = 10_000;

export interface PagesOptions extends Pick<RemoteExchange, "path" | "scopes" | "headers"> {
  /** Takes a page that is not 200. @throws always */
  readonly refuse: (answer: Answer, isFirst: boolean) => Promise<never>;
}

/** Ends where a page leads back to one that was there. @throws {RegistryError} `PROTOCOL`, `UNREACHABLE` */
export async function* pagesOf(remote: Remote, { path, refuse, ...how }: PagesOptions): AsyncGenerator<Uint8Array> {
  const seen = new Set<string>();
  let left = MAX_LIST_BYTES;
  for (let next: string | undefined = path; next !== undefined && !seen.has(next);) {
    if (seen.size >= MAX_PAGES || left <= 0)
      throw new RegistryError("PROTOCOL", `Cannot list ${path}: more came than ${MAX_PAGES} pages or ${MAX_LIST_BYTES} bytes`);
    const answer: Answer = await remote.exchange({ ...how, method: "GET", path: next });
    if (answer.status !== 200) await refuse(answer, seen.size === 0);
    seen.add(next);
    const page = await readBytes(answer, MAX_PAGE_BYTES);
    left -= page.length;
    yield page;
    const link = /<([^>]*)>\s*;\s*rel="?next"?/.exec(answer.headers["link"] ?? "")?.[1];
    next = link === undefined ? undefined : resolveUrl(link, answer.url).href;
  }
}
