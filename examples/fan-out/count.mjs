// Counts the primes of this pod's slice and leaves the result in a file of its own, whole or not at all.
import { mkdirSync, renameSync, writeFileSync } from "node:fs";
import { hostname } from "node:os";
import { join } from "node:path";

const { JOB_COMPLETION_INDEX: index, LIMIT = "1000000", SLICES = "1", RESULTS = "/results" } = process.env;
if (index === undefined) throw new Error("Cannot choose a slice: JOB_COMPLETION_INDEX is not set");

const size = Math.ceil(Number(LIMIT) / Number(SLICES));
const from = Number(index) * size;
const to = Math.min(from + size, Number(LIMIT));

/** Sieve of Eratosthenes over one window. */
function countPrimes(first, end) {
  const composite = new Uint8Array(end - first);
  for (let factor = 2; factor * factor < end; factor++) {
    for (let multiple = Math.max(factor * factor, Math.ceil(first / factor) * factor); multiple < end; multiple += factor) composite[multiple - first] = 1;
  }
  return composite.reduce((sum, mark, offset) => sum + (mark === 0 && first + offset >= 2 ? 1 : 0), 0);
}

const result = { index: Number(index), from, to, primes: countPrimes(from, to), by: hostname() };
const path = join(RESULTS, `${index}.json`);
mkdirSync(RESULTS, { recursive: true });
writeFileSync(`${path}.new`, JSON.stringify(result));
renameSync(`${path}.new`, path); // a pod that is killed and tried again leaves no half result
console.log(`${result.by}: ${result.primes} primes in [${from}, ${to})`);
