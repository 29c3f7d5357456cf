/** From a query to its answer, as bytes. Names of the cluster come from its objects; others are asked upstream. Spec: RFC 1035, RFC 2308, RFC 6891. */
import {
  AUTHORITATIVE_ANSWER,
  decode,
  encode,
  RECURSION_AVAILABLE,
  RECURSION_DESIRED,
  TRUNCATED_RESPONSE,
  type Answer,
  type Packet,
  type Question,
} from "dns-packet";
import { compress } from "./compress.ts";
import { DOMAIN, findRecords, TTL, type Found, type NameSource, type Record } from "./zone.ts";
import type { Upstream } from "./upstream.ts";

export type Transport = "udp" | "tcp";

const CODE = { ok: 0, malformed: 1, failed: 2, unknown: 3, notImplemented: 4 } as const;
const PLAIN_BYTES = 512;
/** What we tell of ourselves, and the most that we send: no datagram is cut on its way. */
const EXTENDED_BYTES = 1232;
const MAX_ALIASES = 8;

export interface Answerer {
  /** Undefined for what is no query. */
  (query: Buffer, transport: Transport): Promise<Buffer | undefined>;
}

export function answerer(source: NameSource, upstream: Upstream): Answerer {
  return async (bytes, transport) => {
    const query = parse(bytes);
    if (query === "foreign") return undefined;
    if (query === undefined) return encode({ type: "response", id: bytes.length < 2 ? 0 : bytes.readUInt16BE(0), flags: CODE.malformed });
    const [question] = query.questions ?? [];
    if (question === undefined || (query as { opcode?: string }).opcode !== "QUERY") return reply(query, { code: CODE.notImplemented }, transport);
    const found = findRecords(source, question.name, question.type);
    if (found.kind === "foreign") return (await upstream.ask(bytes, transport)) ?? reply(query, { code: CODE.failed }, transport);
    if (found.kind === "unknown") return reply(query, { code: CODE.unknown, authority: [authority()], own: true }, transport);
    const records = await follow({ source, upstream, query, question }, found);
    const authorities = records.length === 0 ? [authority()] : [];
    return reply(query, { code: CODE.ok, answers: shuffled(records), authority: authorities, more: found.more, own: true }, transport);
  };
}

/** `foreign` for an answer that strayed here, undefined for what cannot be read. */
function parse(bytes: Buffer): Packet | "foreign" | undefined {
  try {
    const packet = decode(bytes);
    return packet.type === "response" ? "foreign" : packet;
  } catch {
    return undefined;
  }
}

interface Asked {
  readonly source: NameSource;
  readonly upstream: Upstream;
  readonly query: Packet;
  readonly question: Question;
}

/** Behind an alias comes what it stands for. */
async function follow({ source, upstream, query, question }: Asked, found: Extract<Found, { kind: "known" }>): Promise<readonly Answer[]> {
  const records: Answer[] = [...found.records];
  for (let aliases = 0; aliases < MAX_ALIASES; aliases++) {
    const last = records.at(-1);
    if (last?.type !== "CNAME" || question.type === "CNAME") return records;
    const target = last.data;
    const next = findRecords(source, target, question.type);
    if (next.kind === "unknown") return records;
    if (next.kind === "known") {
      if (next.records.length === 0) return records;
      records.push(...next.records);
      continue;
    }
    const asked = encode({ type: "query", id: query.id ?? 0, flags: RECURSION_DESIRED, questions: [{ ...question, name: target }] });
    const answer = await upstream.ask(asked, "udp");
    const parsed = answer === undefined ? undefined : safeDecode(answer);
    return [...records, ...(parsed?.answers ?? [])];
  }
  return records;
}

function safeDecode(bytes: Buffer): Packet | undefined {
  try {
    return decode(bytes);
  } catch {
    return undefined;
  }
}

interface Reply {
  readonly code: number;
  readonly answers?: readonly Answer[];
  readonly authority?: readonly Answer[];
  readonly more?: readonly Record[];
  /** Told with authority. */
  readonly own?: boolean;
}

function reply(query: Packet, { code, answers = [], authority: authorities = [], more = [], own = false }: Reply, transport: Transport): Buffer {
  const extension = query.additionals?.find((one) => one.type === "OPT");
  const extensions: Answer[] =
    extension === undefined ? [] : [{ type: "OPT", name: ".", udpPayloadSize: EXTENDED_BYTES, flags: 0, options: [] } as unknown as Answer];
  const asked = (extension as { udpPayloadSize?: number } | undefined)?.udpPayloadSize ?? PLAIN_BYTES;
  const limit = transport === "tcp" ? 0xffff : Math.min(Math.max(asked, PLAIN_BYTES), EXTENDED_BYTES);
  const flags = code | RECURSION_AVAILABLE | ((query.flags ?? 0) & RECURSION_DESIRED) | (own ? AUTHORITATIVE_ANSWER : 0);
  const basis: Packet = { type: "response", id: query.id ?? 0, questions: [...(query.questions ?? [])] };
  const whole = compressed({ ...basis, flags, answers: [...answers], authorities: [...authorities], additionals: [...more, ...extensions] });
  if (whole.length <= limit) return whole;
  const without = compressed({ ...basis, flags, answers: [...answers], authorities: [...authorities], additionals: extensions });
  return without.length <= limit ? without : compressed({ ...basis, flags: flags | TRUNCATED_RESPONSE, additionals: extensions });
}

function compressed(packet: Packet): Buffer {
  return compress(encode(packet));
}

/** How long an absence may be remembered. */
function authority(): Answer {
  const data = { mname: `ns.dns.${DOMAIN}`, rname: `hostmaster.${DOMAIN}`, serial: 1, refresh: 7200, retry: 1800, expire: 86_400, minimum: TTL };
  return { type: "SOA", name: DOMAIN, ttl: TTL, data };
}

/** Clients take the first address; aliases stay in front. */
function shuffled(records: readonly Answer[]): readonly Answer[] {
  const moved = records.filter(({ type }) => type !== "CNAME").map((record) => ({ record, at: Math.random() }));
  return [...records.filter(({ type }) => type === "CNAME"), ...moved.toSorted((left, right) => left.at - right.at).map(({ record }) => record)];
}
