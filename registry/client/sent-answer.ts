/** The answer to a body that was sent past the general client: whole in memory, as such answers are small. Spec: RFC 9112, sections 4 to 7. */
import { endOfHead, parseHead } from "./bulk-head.ts";

export interface SentAnswer {
  readonly status: number;
  /** Lower-case names; repeated ones joined by a comma. */
  readonly headers: Readonly<Record<string, string>>;
  readonly body: Buffer;
}

/** No more of an answer is looked at. */
const MOST_ANSWER_BYTES = 256 << 10;
const WITHOUT_BODY: ReadonlySet<number> = new Set([204, 304]);

/** What is no answer yet will not be one. */
export function isTooLong(bytes: Buffer): boolean {
  return bytes.length > MOST_ANSWER_BYTES;
}

/** Undefined while more has to come. What is said before the answer (100, 103) is passed over. `isEnded`: nothing more comes. @throws when it is malformed */
export function parseAnswer(bytes: Buffer, isEnded: boolean): SentAnswer | undefined {
  const end = endOfHead(bytes);
  if (end === undefined) return undefined;
  const head = parseHead(bytes.toString("latin1", 0, end));
  if (head === undefined) throw new Error("the answer is malformed");
  const rest = bytes.subarray(end);
  if (head.status < 200) return parseAnswer(rest, isEnded);
  const body = bodyOf(head, rest, isEnded || bytes.length >= MOST_ANSWER_BYTES);
  return body === undefined ? undefined : { ...head, body };
}

function bodyOf({ status, headers }: Omit<SentAnswer, "body">, rest: Buffer, isEnded: boolean): Buffer | undefined {
  const { "content-length": length, "transfer-encoding": coding } = headers;
  if (WITHOUT_BODY.has(status)) return rest.subarray(0, 0);
  if (coding !== undefined) return joinChunks(rest, isEnded);
  const wanted = /^\d+$/.test(length ?? "") ? Number(length) : Number.POSITIVE_INFINITY;
  return rest.length >= wanted || isEnded ? rest.subarray(0, wanted) : undefined;
}

/** @throws when they are malformed */
function joinChunks(bytes: Buffer, isEnded: boolean): Buffer | undefined {
  const chunks: Buffer[] = [];
  for (let at = 0; ;) {
    const line = bytes.indexOf("\r\n", at);
    const size = line < 0 ? Number.POSITIVE_INFINITY : chunkSize(bytes.toString("latin1", at, line));
    if (size === 0) return Buffer.concat(chunks);
    const next = line + 2 + size;
    if (next > bytes.length) return isEnded ? Buffer.concat(chunks) : undefined;
    chunks.push(bytes.subarray(line + 2, next));
    at = next + 2;
  }
}

/** Spec: RFC 9112, section 7.1. */
function chunkSize(line: string): number {
  const hex = /^([0-9a-f]{1,8})(?:[ \t]*;|$)/i.exec(line)?.[1];
  if (hex === undefined) throw new Error("the answer is malformed");
  return Number.parseInt(hex, 16);
}
