/** A refusal of a registry as an error: its own code where it gives one, else by the status. */
import { RegistryError, type WireErrorCode } from "../errors.ts";
import type { Answer } from "./connection.ts";
import { namedHost } from "./endpoint.ts";
import { paced, Stalled } from "./pace.ts";
import { printable } from "./printable.ts";
import { passingOf } from "./retry.ts";

const MAX_ERROR_BYTES = 64 << 10;

const BY_STATUS: Readonly<Record<number, WireErrorCode>> = {
  401: "UNAUTHORIZED",
  403: "DENIED",
  405: "UNSUPPORTED",
  413: "MANIFEST_TOO_LARGE",
  416: "RANGE_INVALID",
  429: "TOOMANYREQUESTS",
};

const CODES: ReadonlySet<string> = new Set<WireErrorCode>([
  "BLOB_UNKNOWN",
  "BLOB_UPLOAD_INVALID",
  "BLOB_UPLOAD_UNKNOWN",
  "DIGEST_INVALID",
  "MANIFEST_BLOB_UNKNOWN",
  "MANIFEST_INVALID",
  "MANIFEST_TOO_LARGE",
  "MANIFEST_UNKNOWN",
  "NAME_INVALID",
  "NAME_UNKNOWN",
  "PAGINATION_NUMBER_INVALID",
  "RANGE_INVALID",
  "SIZE_INVALID",
  "TAG_INVALID",
  "UNAUTHORIZED",
  "DENIED",
  "UNSUPPORTED",
  "TOOMANYREQUESTS",
]);

/** Reads the rest of `answer`. `doing` completes "Cannot …". */
export async function answerError(answer: Answer, doing: string, fallback: WireErrorCode = "UNKNOWN"): Promise<RegistryError> {
  const { code, said, isFull } = await readError(answer);
  const known = code !== undefined && CODES.has(code) ? (code as WireErrorCode) : (BY_STATUS[answer.status] ?? (answer.status === 404 ? fallback : "UNKNOWN"));
  const hint = (known === "UNAUTHORIZED" || known === "DENIED") && !isFull ? refusalHint(answer) : undefined;
  const reason = `the registry answered ${answer.status}${said}`;
  return new RegistryError(known, `Cannot ${doing}: ${reason}`, {
    ...(hint === undefined ? {} : { hint }),
    reason,
    passing: passingOf(answer),
  });
}

/** What `answer` says for itself, with a comma before it; nothing of one that says nothing. Reads the rest of it. */
export async function saidIn(answer: Answer): Promise<string> {
  return (await readError(answer)).said;
}

/** Who is logged in already is told as whom, and what was asked for: the last of the actions needs the others. */
export function refusalHint({ url, asked, isInsecure = false }: Pick<Answer, "url" | "asked" | "isInsecure">): string {
  const login = `'strata login ${isInsecure ? "--insecure " : ""}${namedHost(new URL(url).host)}'`;
  if (asked?.isUnknown === true) return `Check the user name and password${asked.user === undefined ? "" : ` of ${asked.user}`}; log in again with ${login}`;
  if (asked?.user === undefined) return `Log in with ${login}, or check the name`;
  const wanted = asked.scopes.map((scope) => scope.replace(/^repository:(.*):(?:[\w*]+,)*([\w*]+)$/, "$2 $1"));
  return `You are logged in as ${asked.user}, who may not ${wanted.join(", ") || "use it"}; ${login} logs in as somebody else`;
}

interface WireError {
  readonly code: string | undefined;
  /** The message, with a comma before it; empty without one. */
  readonly said: string;
  /** Of a quota: nobody else may store it there either. */
  readonly isFull: boolean;
}

async function readError(answer: Answer): Promise<WireError> {
  try {
    const { errors } = JSON.parse(await readText(answer, MAX_ERROR_BYTES)) as { errors?: readonly { code?: unknown; message?: unknown; detail?: unknown }[] };
    const { code, message, detail } = errors?.[0] ?? {};
    const isFull = typeof detail === "object" && detail !== null && "limit" in detail;
    const said = typeof message === "string" && message !== "" ? `, ${printable(message)}` : "";
    return { code: typeof code === "string" ? code : undefined, said, isFull };
  } catch {
    return { code: undefined, said: "", isFull: false };
  }
}

export async function readText(answer: Answer, limit: number): Promise<string> {
  return Buffer.from(await readBytes(answer, limit)).toString("utf8");
}

/** @throws {RegistryError} `PROTOCOL` when longer than `limit` bytes; `UNREACHABLE` when it trickles */
export async function readBytes({ body, url, idleMs }: Answer, limit: number): Promise<Uint8Array> {
  const chunks: Uint8Array[] = [];
  let size = 0;
  try {
    for await (const chunk of paced(body, idleMs)) {
      size += chunk.length;
      if (size > limit) throw new RegistryError("PROTOCOL", `Cannot read ${url}: the answer is longer than ${limit} bytes`);
      chunks.push(chunk);
    }
  } catch (error) {
    if (!(error instanceof Stalled)) throw error;
    throw new RegistryError("UNREACHABLE", `Cannot read ${url}: ${error.message}`, { cause: error });
  }
  return Buffer.concat(chunks, size);
}
