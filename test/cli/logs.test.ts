/** strata logs --since and --until with moments that have passed or will, in each form that docker takes, also with -f and --tail. */
import { readFileSync, writeFileSync } from "node:fs";
import { afterAll, beforeAll, describe, expect, test, vi } from "vitest";
import { BOX_IMAGE, type Box, openBox } from "../support/box.ts";
import { eventually } from "../support/cluster.ts";

vi.setConfig({ testTimeout: 60_000 });

const MINUTE_MS = 60_000;
/** What each line's age is made to be. */
const AGES_MS = { old: 120 * MINUTE_MS, aged: 20 * MINUTE_MS, young: 5 * MINUTE_MS, fresh: 0 };
const ALL = Object.keys(AGES_MS);
const LATER = ["aged", "young", "fresh"];

let box: Box;
beforeAll(async () => {
  box = await openBox("sh echo sleep cat");
});
afterAll(async () => await box[Symbol.asyncDispose]());

async function lines(...args: readonly string[]): Promise<readonly string[]> {
  return (await box.strata("logs", ...args)).split("\n").filter((line) => line !== "");
}

describe.each([
  { driver: "json-file", time: /"time":"([^"]+)"/ },
  { driver: "k8s-file", time: /^(\S+)/ },
])("of a container that ended, in $driver", ({ driver, time }) => {
  const name = `past-${driver}`;
  /** When the line was written, as the log says. */
  const moments: Record<string, string> = {};

  beforeAll(async () => {
    await box.strata("run", "--name", name, "--network", "none", "--log-driver", driver, BOX_IMAGE, "sh", "-c", ALL.map((word) => `echo ${word}`).join("; "));
    const path = await box.strata("inspect", "-f", "{{.LogPath}}", name);
    const now = Date.now();
    const aged = readFileSync(path, "utf8").replaceAll(/[^\n]+/g, (line) => {
      const word = ALL.find((one) => line.includes(one)) as keyof typeof AGES_MS;
      const moment = new Date(now - AGES_MS[word]).toISOString().replace(/\.\d+Z/, ".123456789Z");
      moments[word] = moment;
      return line.replace(time, (all, text: string) => all.replace(text, moment));
    });
    writeFileSync(path, aged);
  });

  /** Nanoseconds after the line, or before it. */
  const beside = (word: string, nanoseconds: number): string => moments[word]!.replace("123456789", String(123456789 + nanoseconds));
  const seconds = (word: string): string => String(Math.floor(Date.parse(moments[word]!) / 1000));

  test.each([
    { name: "30m ago", flags: () => ["--since", "30m"], want: LATER },
    { name: "an hour and a half ago", flags: () => ["--since", "1h30m"], want: LATER },
    { name: "until 10m ago", flags: () => ["--until", "10m"], want: ["old", "aged"] },
    { name: "between two", flags: () => ["--since", "30m", "--until", "10m"], want: ["aged"] },
    { name: "RFC 3339, the line's own moment", flags: () => ["--since", moments["aged"]!], want: LATER },
    { name: "RFC 3339, a nanosecond later", flags: () => ["--since", beside("aged", 1)], want: ["young", "fresh"] },
    { name: "until RFC 3339, the line's own moment", flags: () => ["--until", moments["aged"]!], want: ["old", "aged"] },
    { name: "until RFC 3339, a nanosecond before", flags: () => ["--until", beside("aged", -1)], want: ["old"] },
    { name: "in another zone", flags: () => ["--since", inZone(moments["aged"]!)], want: LATER },
    { name: "unix seconds", flags: () => ["--since", seconds("aged")], want: LATER },
    { name: "unix seconds with a fraction", flags: () => ["--since", `${seconds("aged")}.123456790`], want: ["young", "fresh"] },
    { name: "until unix seconds", flags: () => ["--until", seconds("young")], want: ["old", "aged"] },
    { name: "a day", flags: () => ["--since", "2020-01-02"], want: ALL },
    { name: "until a day", flags: () => ["--until", "2020-01-02"], want: [] },
    { name: "the future", flags: () => ["--since", "-1h"], want: [] },
    { name: "until the future", flags: () => ["--until=-1h"], want: ALL },
    { name: "the last ones, of which some are too old", flags: () => ["--tail", "3", "--since", "10m"], want: ["young", "fresh"] },
    { name: "no last ones", flags: () => ["--tail", "0", "--since", "30m"], want: [] },
    { name: "followed to the end that has been", flags: () => ["-f", "--since", "30m"], want: LATER },
    { name: "followed until what has passed", flags: () => ["-f", "--until", "10m"], want: ["old", "aged"] },
  ])("$name", async ({ flags, want }) => expect(await lines(...flags(), name)).toEqual(want));
});

/** Two hours east. */
function inZone(moment: string): string {
  const [, fraction = ""] = /(\.\d+)Z/.exec(moment) ?? [];
  return `${new Date(Date.parse(moment) + 120 * MINUTE_MS).toISOString().replace(/\.\d+Z/, fraction)}+02:00`;
}

describe("of a container that runs", () => {
  const name = "running";
  beforeAll(async () => {
    await box.strata("run", "-d", "--name", name, "--network", "none", BOX_IMAGE, "sh", "-c", "echo one; echo two; while :; do echo tick; sleep 0.2; done");
    await eventually(async () => expect((await lines(name)).length).toBeGreaterThan(3));
  });

  test("-f ends by itself at an --until that has passed, and at one that comes", async () => {
    const [, [second = ""] = []] = (await lines("-t", name)).map((line) => line.split(" "));
    expect(await lines("-f", "--until", second, name)).toEqual(["one", "two"]);
    const end = Date.now() + 3000;
    const followed = await lines("-f", "-t", "--since", second, "--until", new Date(end).toISOString(), name);
    expect(followed[0]).toBe(`${second} two`);
    expect(followed.length).toBeGreaterThan(2);
    expect(followed.filter((line) => Date.parse(line.split(" ")[0] ?? "") > end)).toEqual([]);
  });

  test("-f --tail 1 --since shows what comes after it too", async () => {
    const followed = await lines("-f", "-t", "--tail", "1", "--since", "1h", "--until=-4s", name);
    expect(followed.length).toBeGreaterThan(1);
    expect(followed.map((line) => line.split(" ")[1])).not.toContain("one");
  });
});

test.each(["soon", "10 m", "2020-13-01"])("--since %s is refused", async (text) => {
  await box.attempt("create", "--name", "refusing", "--network", "none", BOX_IMAGE, "true");
  expect(await box.attempt("logs", "--since", text, "refusing")).toMatchObject({
    status: 1,
    stderr: `strata: Cannot read ${JSON.stringify(text)} as a time\n`,
  });
});
