/** How often a client may ask: a bucket of tokens for each, filled evenly. */

export interface Rate {
  /** As many at once, and as many in each period. */
  readonly count: number;
  readonly periodMs: number;
}

/** Milliseconds until `client` may ask again; 0: it may now, and has. */
export type RateLimit = (client: string) => number;

/** Clients that are remembered; one that was forgotten begins with a full bucket. */
const MAX_CLIENTS = 10_000;

export function createRateLimit({ count, periodMs }: Rate, now: () => number): RateLimit {
  const buckets = new Map<string, { tokens: number; at: number }>();
  return (client) => {
    const at = now();
    const before = buckets.get(client) ?? { tokens: count, at };
    const tokens = Math.min(count, before.tokens + ((at - before.at) * count) / periodMs);
    const isAllowed = tokens >= 1;
    buckets.delete(client); // to the end: the oldest are forgotten first
    buckets.set(client, { tokens: isAllowed ? tokens - 1 : tokens, at });
    for (const oldest of buckets.keys()) if (buckets.size > MAX_CLIENTS) buckets.delete(oldest);
    return isAllowed ? 0 : ((1 - tokens) * periodMs) / count;
  };
}

/** `100/s`, `6000/m`, `10/h`. Undefined for anything else. */
export function parseRate(text: string): Rate | undefined {
  const [, count = "", unit = ""] = /^([1-9]\d{0,8})\/([smh])$/.exec(text) ?? [];
  return count === "" ? undefined : { count: Number(count), periodMs: unit === "s" ? 1_000 : unit === "m" ? 60_000 : 3_600_000 };
}

/** Who a limit is for: an address, of IPv6 the network that one customer gets. */
export function clientOf(address: string): string {
  const plain = address.replace(/^::ffff:(?=\d+\.)/, "");
  return plain.includes(":") ? networkOf(plain) : plain;
}

/** The first 64 bits, written the same for every address in them. */
function networkOf(address: string): string {
  const [head = "", tail] = address.split("::");
  const before = head === "" ? [] : head.split(":");
  const after = tail === undefined || tail === "" ? [] : tail.split(":");
  const zeros = tail === undefined ? [] : Array.from({ length: Math.max(0, 8 - before.length - after.length) }, () => "0");
  return [...before, ...zeros, ...after].slice(0, 4).join(":");
}
