/** A time namespace: clocks that start elsewhere, for a container and for all that join it. */
import { readFileSync } from "node:fs";
import { expect, test } from "vitest";
import { openedForAll } from "../support/opened.ts";
import { NAMESPACES, namespaceOf, openLab, type Overrides } from "./lab.ts";

const lab = openedForAll(openLab);

const DAY = 86_400;
const maps = [{ containerID: 0, hostID: 200_000, size: 65_536 }];
const shifted = (linux: Overrides["linux"] = {}): Overrides => ({
  linux: {
    namespaces: [...NAMESPACES, "time" as const].map((type) => ({ type })),
    timeOffsets: { monotonic: { secs: 2 * DAY }, boottime: { secs: 100 * DAY, nanosecs: 5 } },
    ...linux,
  },
});
const uptime = (text: string): number => Number(text.split(" ")[0]);

test.each([
  { name: "a container", overrides: shifted() },
  {
    name: "a container in a user namespace",
    overrides: shifted({ namespaces: [...NAMESPACES, "time" as const, "user" as const].map((type) => ({ type })), uidMappings: maps, gidMappings: maps }),
  },
])("the machine of $name has been up a hundred days longer, and so it is for those who join", async ({ overrides }) => {
  const { state } = await lab.processes.run({ ...lab.request(["sleep", "600"], overrides), stdio: { kind: "monitor", stdin: false } });
  expect(namespaceOf(state.pid, "time")).not.toBe(namespaceOf("self", "time"));
  expect(readFileSync(`/proc/${state.pid}/timens_offsets`, "utf8")).toMatch(/^monotonic\s+172800\s+0\nboottime\s+8640000\s+5\n$/);
  const { process } = lab.spec(["cat", "/proc/uptime"]);
  if (process === undefined) throw new Error("no process");
  const { attachment } = await lab.processes.exec(state.id, process, { stdin: false });
  let text = "";
  for await (const { data } of attachment?.output ?? []) text += Buffer.from(data).toString();
  expect(uptime(text) - uptime(readFileSync("/proc/uptime", "utf8"))).toBeCloseTo(100 * DAY, -2);
  await lab.processes.remove(state.id);
});

test("the first process is in it already", async () => {
  expect(uptime((await lab.run(["cat", "/proc/uptime"], shifted())).stdout)).toBeGreaterThan(100 * DAY);
});

test.each([
  { name: "offsets without a namespace", linux: { namespaces: NAMESPACES.map((type) => ({ type })) } },
  { name: "a clock that has none", linux: { timeOffsets: { realtime: { secs: 1 } } as Record<string, unknown> } },
  { name: "half a second", linux: { timeOffsets: { monotonic: { secs: 0.5 } } } },
])("$name: refused", async ({ linux }) => {
  await expect(lab.run(["true"], shifted(linux))).rejects.toMatchObject({ code: "SPEC_INVALID" });
});
