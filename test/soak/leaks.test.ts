/** The verdict of `npm run soak`. */
import { expect, test } from "vitest";
import { leaksOf } from "../../soak/leaks.ts";

const before = { "file descriptors": 20, mounts: 3, "heap in use, KiB": 10_000, "network namespaces in use": 5 };
const cases = [
  { name: "nothing grew", after: before, leaks: [] },
  { name: "less is left than there was", after: { ...before, mounts: 2 }, leaks: [] },
  { name: "one descriptor more is a leak", after: { ...before, "file descriptors": 21 }, leaks: ["file descriptors: 20 before, 21 after"] },
  { name: "what was not there before is a leak", after: { ...before, links: 1 }, leaks: ["links: 0 before, 1 after"] },
  { name: "a heap may grow somewhat", after: { ...before, "heap in use, KiB": 12_000 }, leaks: [] },
  { name: "but not without end", after: { ...before, "heap in use, KiB": 30_000 }, leaks: ["heap in use, KiB: 10000 before, 30000 after, 8192 more at most"] },
  { name: "what others do on the machine is not judged", after: { ...before, "network namespaces in use": 50 }, leaks: [] },
];
test.each(cases)("$name", ({ after, leaks }) => expect(leaksOf(before, after)).toEqual(leaks));
