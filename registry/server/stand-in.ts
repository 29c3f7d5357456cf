/**
 * Hashes for names that a password file does not have. A wrong password must cost an unknown name what it costs a known one, so each gets a
 * cost of the file: always the same, among many names as often as the file has it. Who does not know the file cannot tell which; a change of
 * the file changes the costs of few names, as it does those of users.
 */
import { createHmac } from "node:crypto";

/** Of a file that lets nobody in. */
const USUAL_COST = "10";
/** A hash that nothing matches. */
const hashOf = (cost: string): string => `$2b$${cost}$CwTycUXWue0Thq9StjUM0uJ8.BRZ0P0cN8E6fUdjrmZGkPvT7iS2e`;

/** `hashes` of bcrypt, `$2b$COST$…`, in the order of the file. */
export function openStandIns(hashes: readonly string[]): (name: string) => string {
  const [key = ""] = hashes; // users are added at the end
  const counts = new Map<string, number>();
  for (const hash of hashes) counts.set(costOf(hash), (counts.get(costOf(hash)) ?? 0) + 1);
  return (name) => {
    const [first] = [...counts].map(([cost, count]) => ({ cost, at: arrival(key, name, cost) / count })).toSorted((a, b) => a.at - b.at);
    return hashOf(first?.cost ?? USUAL_COST);
  };
}

function costOf(hash: string): string {
  return hash.slice(4, 6);
}

/** An exponential variate: divided by weights, the least is each one's as often as its weight says. */
function arrival(key: string, name: string, cost: string): number {
  const drawn = createHmac("sha256", key).update(`${cost}\n${name}`).digest().readUInt32BE();
  return -Math.log((drawn + 0.5) / 2 ** 32);
}
