/** Pages of a sorted list. Spec: distribution-spec v1.1, "Listing Tags": `last` is exclusive, `n` exact. */
import { RegistryError } from "../errors.ts";
import type { KeyPage } from "../../store/tables.ts";

/** No name, tag or digest is longer, and what comes after a longer one comes after its beginning. The key that it becomes part of has its bounds. */
const MAX_LAST_CHARS = 300;

export interface PageRequest {
  readonly last: string | undefined;
  readonly count: number | undefined;
}

export interface Page<Item> {
  readonly items: readonly Item[];
  /** What `last` of the next page is; undefined on the last page. */
  readonly next: string | undefined;
}

/** @throws {RegistryError} `PAGINATION_NUMBER_INVALID` */
export function readPageRequest(query: URLSearchParams): PageRequest {
  const count = query.get("n");
  if (count !== null && !/^\d{1,9}$/.test(count))
    throw new RegistryError("PAGINATION_NUMBER_INVALID", `Cannot list ${JSON.stringify(count)} entries: n is not a number`);
  return { last: query.get("last")?.slice(0, MAX_LAST_CHARS), count: count === null ? undefined : Number(count) };
}

/** What must be read for the page: one more than it shows tells whether there is another. */
export function keyPage({ last, count }: PageRequest): KeyPage | undefined {
  return count === undefined ? undefined : { after: last, limit: count + 1 };
}

/** `sorted` bytewise by `keyOf`. */
export function page<Item>(sorted: readonly Item[], keyOf: (item: Item) => string, { last, count = Number.POSITIVE_INFINITY }: PageRequest): Page<Item> {
  const rest = last === undefined ? sorted : sorted.filter((item) => isAfter(keyOf(item), last));
  const items = rest.slice(0, count);
  const end = items.at(-1);
  return { items, next: end !== undefined && items.length < rest.length ? keyOf(end) : undefined };
}

/** The `Link` header to the next page, other parameters kept. */
export function nextLink(path: string, query: URLSearchParams, next: string | undefined): Readonly<Record<string, string>> {
  if (next === undefined) return {};
  const parameters = new URLSearchParams(query);
  parameters.set("last", next);
  return { link: `<${path}?${parameters.toString()}>; rel="next"` };
}

function isAfter(key: string, last: string): boolean {
  return Buffer.compare(Buffer.from(key), Buffer.from(last)) > 0;
}
