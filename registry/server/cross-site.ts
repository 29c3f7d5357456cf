/**
 * A browser adds the password that it remembers to whatever a page sends here, whoever made that page. So what would change anything is
 * refused when it comes from a page of another site; clients that are no browsers send neither header. Spec: Fetch Metadata, `Sec-Fetch-Site`; RFC 6454.
 */
import type { Request } from "../../http/message.ts";
import { RegistryError } from "../errors.ts";

const SAFE: ReadonlySet<string> = new Set(["GET", "HEAD", "OPTIONS"]);
/** The user's own doing, or a page from here. */
const OWN: ReadonlySet<string> = new Set(["none", "same-origin"]);

/** @throws {RegistryError} `DENIED` */
export function refuseCrossSite({ method, headers }: Pick<Request, "method" | "headers">): void {
  if (SAFE.has(method)) return;
  const { "sec-fetch-site": site, origin, host } = headers;
  const isOwn = site === undefined ? origin === undefined || hostOf(origin) === host?.toLowerCase() : OWN.has(site);
  if (!isOwn) throw new RegistryError("DENIED", `Cannot ${method} for a page of ${origin ?? "another site"}: only pages from here may ask for changes`);
}

/** Ports that a scheme implies are written by neither. */
function hostOf(origin: string): string | undefined {
  return URL.canParse(origin) ? new URL(origin).host : undefined;
}
