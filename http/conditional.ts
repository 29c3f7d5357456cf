/** Preconditions on entity tags. Spec: RFC 9110, section 13. */
import type { IncomingHttpHeaders } from "node:http";

export function entityTag(value: string): string {
  return `"${value}"`;
}

/** The status to answer with instead of doing what was asked, or undefined. `current` is undefined when nothing is there. */
export function precondition(method: string, headers: IncomingHttpHeaders, current: string | undefined): 304 | 412 | undefined {
  const match = headers["if-match"];
  if (match !== undefined && !lists(match, current)) return 412;
  const none = headers["if-none-match"];
  if (none === undefined || !lists(none, current)) return undefined;
  return method === "GET" || method === "HEAD" ? 304 : 412;
}

/** Whether the part that was asked for is one of what is there: if not, all of it is to be sent. A date tells nothing here. Spec: section 13.1.5 */
export function isPartOf(headers: IncomingHttpHeaders, current: string): boolean {
  const asked = headers["if-range"];
  return asked === undefined || asked === current; // a weak tag is never equal
}

function lists(header: string, current: string | undefined): boolean {
  if (current === undefined) return false;
  return header.split(",").some((tag) => tag.trim() === "*" || tag.trim().replace(/^W\//, "") === current.replace(/^W\//, ""));
}
