// Adds up what the slices have left so far.
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";

const { LIMIT = "1000000", SLICES = "1", RESULTS = "/results" } = process.env;
const names = readdirSync(RESULTS).filter((name) => name.endsWith(".json"));
const results = names.map((name) => JSON.parse(readFileSync(join(RESULTS, name), "utf8"))).sort((left, right) => left.index - right.index);

for (const { index, from, to, primes, by } of results) console.log(`slice ${index}\t[${from}, ${to})\t${primes}\tby ${by}`);
const total = results.reduce((sum, { primes }) => sum + primes, 0);
console.log(`${results.length} of ${SLICES} slices: ${total} primes${results.length === Number(SLICES) ? ` below ${LIMIT}` : " so far"}`);
