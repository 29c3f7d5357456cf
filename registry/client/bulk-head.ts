/** The head of an answer that is read without a general parser: what it says, if it is of the plain kind. Spec: RFC 9112, sections 4 to 6. */

export interface BulkHead {
  readonly status: number;
  /** Lower-case names; repeated ones joined by a comma. */
  readonly headers: Readonly<Record<string, string>>;
  /** Bytes of the body. */
  readonly length: number;
}

const END = "\r\n\r\n";
/** Nobody's head is longer. */
export const MAX_HEAD_BYTES = 64 << 10;

/** Where the head ends; undefined while it has not come whole. */
export function endOfHead(bytes: Buffer): number | undefined {
  const at = bytes.indexOf(END);
  return at < 0 ? undefined : at + END.length;
}

/** Undefined when the body's end is told by anything but its length, or the head is malformed: that is for a general client. */
export function parseBulkHead(text: string): BulkHead | undefined {
  const head = parseHead(text);
  if (head === undefined) return undefined;
  const { status, headers } = head;
  const { "content-length": length = "", "transfer-encoding": coding } = headers;
  const isPlain = status >= 200 && status !== 204 && status !== 304 && coding === undefined && /^\d{1,15}$/.test(length);
  return isPlain ? { ...head, length: Number(length) } : undefined;
}

/** Undefined when it is malformed. */
export function parseHead(text: string): Omit<BulkHead, "length"> | undefined {
  const [first = "", ...lines] = text.slice(0, -END.length).split("\r\n");
  const status = /^HTTP\/1\.[01] (\d{3})(?: |$)/.exec(first)?.[1];
  const headers: Record<string, string> = {};
  for (const line of lines) {
    const [, name, value = ""] = /^([!#$%&'*+.^_`|~\w-]+):[ \t]*([^\0\r\n]*?)[ \t]*$/.exec(line) ?? [];
    if (name === undefined) return undefined;
    const key = name.toLowerCase();
    headers[key] = headers[key] === undefined ? value : `${headers[key]}, ${value}`;
  }
  return status === undefined ? undefined : { status: Number(status), headers };
}

/** Undefined when a value could be more than it seems. */
export function formatBulkRequest(url: URL, headers: Readonly<Record<string, string>>, method = "GET"): string | undefined {
  const all = { host: url.host, connection: "close", ...headers };
  const lines = Object.entries(all).map(([name, value]) => `${name}: ${value}`);
  if (lines.some((line) => /[^\t\x20-\x7e]/.test(line))) return undefined;
  return `${method} ${url.pathname}${url.search} HTTP/1.1\r\n${lines.join("\r\n")}${END}`;
}
