/** strata events, info, version and the container group, with the real command; the journal keeps its size. */
import { rmSync, statSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test, vi } from "vitest";
import { eventFilter } from "../../cli/containers/event-filter.ts";
import { pruneFilter } from "../../cli/containers/prune-filter.ts";
import { eventFiles, eventsFolder, tellEvent, type StoreEvent } from "../../store/events/journal.ts";
import { readEvents } from "../../store/events/read.ts";
import { BOX_IMAGE, type Box, openBox } from "../support/box.ts";
import { serveStrata } from "../support/cli.ts";
import { temporaryFolder } from "../support/root.ts";

vi.setConfig({ testTimeout: 180_000 });

let box: Box;
beforeAll(async () => {
  box = await openBox("sh sleep true cat");
});
afterAll(async () => await box[Symbol.asyncDispose]());

const told = async (...filters: readonly string[]): Promise<readonly string[]> => {
  const flags = filters.flatMap((filter) => ["--filter", filter]);
  const lines = await box.strata("events", "--since", "0", "--until", String(Date.now() / 1000), ...flags, "--format", "{{.Type}} {{.Action}}");
  return lines.split("\n").filter((line) => line !== "");
};

test("an anonymous volume goes before its container: what a kill leaves in between is found by the container", async () => {
  const id = await box.strata("run", "-d", "-v", "/data", "--network", "none", BOX_IMAGE, "sleep", "600");
  const since = String(Date.now() / 1000);
  await box.strata("rm", "-f", "-v", id);
  const told = await box.strata("events", "--since", since, "--until", String(Date.now() / 1000), "--filter", "event=destroy", "--format", "{{.Type}}");
  expect(told).toBe("volume\ncontainer");
});

test("a container's life is told from create to destroy", async () => {
  await box.strata("network", "create", "told");
  await box.strata("run", "--rm", "--name", "teller", "--label", "of=life", "--network", "told", "-v", "kept:/data", BOX_IMAGE, "true");
  const life = ["create", "attach", "start", "die", "destroy"];
  expect((await told("container=teller", "type=container")).map((line) => line.split(" ")[1])).toEqual(life);
  expect((await told("label=of=life")).length).toBe(life.length);
  expect(await told("network=told", "event=connect", "event=disconnect")).toEqual(["network connect", "network disconnect"]);
  expect(await told("volume=kept")).toEqual(["volume create", "volume mount", "volume unmount"]);
  const die = await box.strata("events", "--since", "0", "--until", "0s", "--filter", "event=die", "--filter", "container=teller");
  expect(die).toMatch(
    /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{9}\S+ container die [0-9a-f]{64} \(execDuration=\d+, exitCode=0, image=local\/box, name=teller, of=life\)$/,
  );
  await box.strata("network", "rm", "told");
  await box.strata("volume", "rm", "kept");
});

test("the journal is its owner's alone, from the first file on", () => {
  expect(statSync(join(eventsFolder(box.root.root), eventFiles(box.root.root)[0] ?? "")).mode & 0o777).toBe(0o600);
});

test("what a signal ends is told as kill, die and stop", async () => {
  const id = await box.strata("run", "-d", "--name", "ended", BOX_IMAGE, "sleep", "600");
  await box.strata("pause", id);
  await box.strata("unpause", id);
  await box.strata("rename", id, "renamed");
  await box.strata("stop", "-t", "0", id);
  await box.strata("rm", id);
  const actions = (await told(`container=${id}`, "type=container")).map((line) => line.replace("container ", ""));
  expect(actions).toEqual(["create", "start", "pause", "unpause", "rename", "kill", "kill", "die", "stop", "destroy"]);
});

test("events go on as they happen, and end at --until", async () => {
  const until = new Date(Date.now() + 60_000).toISOString();
  await using stream = await serveStrata(
    box.root,
    ["events", "--until", until, "--filter", "event=create", "--filter", "type=volume", "--format", "json"],
    /"Action":"create"/,
    {
      meanwhile: async () => void (await box.strata("volume", "create")),
    },
  );
  expect(JSON.parse(stream.match.input)).toMatchObject({ Type: "volume", Action: "create", scope: "local", Actor: { Attributes: { driver: "local" } } });
  await box.strata("volume", "prune", "--force");
});

test("images are told when they get and lose names", async () => {
  await box.strata("tag", BOX_IMAGE, "local/other:1");
  await box.strata("rmi", "local/other:1");
  expect(await told("type=image", "image=local/other")).toEqual(["image tag", "image untag"]);
});

describe("the journal", () => {
  test("keeps its newest files only, and every event of two writers", async () => {
    const root = temporaryFolder();
    for (let index = 0; index < 6000; index++) tellEvent(root, "container", "start", `id-${index}`, { image: "x".repeat(200), name: String(index) });
    const files = eventFiles(root);
    expect(files.length).toBe(4);
    const bytes = files.reduce((sum, name) => sum + statSync(join(eventsFolder(root), name)).size, 0);
    expect(bytes).toBeLessThan(1.1 * 1024 * 1024);
    const names: number[] = [];
    for await (const event of readEvents(root, { follow: false, onlyNew: false })) names.push(Number(event.Actor.Attributes["name"]));
    expect(names.at(-1)).toBe(5999);
    expect(names).toEqual(names.map((_, at) => names[0]! + at));
    rmSync(root, { recursive: true });
  });
});

const event = (type: StoreEvent["Type"], action: string, id: string, attributes: Readonly<Record<string, string>> = {}): StoreEvent => ({
  Type: type,
  Action: action,
  Actor: { ID: id, Attributes: attributes },
  time: 0,
  timeNano: 0,
});

test.each([
  { filters: ["event=exec_create"], of: event("container", "exec_create: sh", "a"), want: true },
  { filters: ["image=web"], of: event("container", "start", "a", { image: "web:1" }), want: true },
  { filters: ["image=web:2"], of: event("container", "start", "a", { image: "web:1" }), want: false },
  { filters: ["container=ab"], of: event("container", "start", "abc"), want: true },
  { filters: ["type=image", "type=volume"], of: event("volume", "create", "a"), want: true },
  { filters: ["type=image", "event=start"], of: event("container", "start", "a"), want: false },
  { filters: ["daemon=x"], of: event("container", "start", "a"), want: false },
])("events $filters of a $of.Action: $want", ({ filters, of, want }) => expect(eventFilter(filters)(of)).toBe(want));

test.each([
  { filters: ["until=10m"], age: 11, want: true },
  { filters: ["until=10m"], age: 9, want: false },
  { filters: ["label=keep", "until=1s"], age: 9, want: false },
  { filters: ["label!=keep", "label=of=test"], age: 9, want: true },
])("prune $filters of what is $age minutes old: $want", ({ filters, age, want }) => {
  const now = Date.now();
  expect(pruneFilter(filters, now)({ createdAt: new Date(now - age * 60_000).toISOString(), labels: { of: "test" } })).toBe(want);
});

test("container prune leaves what runs and what a filter spares", async () => {
  const [kept, gone] = [await box.strata("create", "--label", "spare", BOX_IMAGE, "true"), await box.strata("container", "create", BOX_IMAGE, "true")];
  const running = await box.strata("container", "run", "-d", BOX_IMAGE, "sleep", "600");
  expect(await box.strata("container", "prune", "--force", "--filter", "label!=spare")).toMatch(
    new RegExp(`^Deleted Containers:\n${gone}\n\nTotal reclaimed space: `),
  );
  expect((await box.strata("container", "ls", "-aq", "--no-trunc")).split("\n").sort()).toEqual([kept, running].sort());
  await box.strata("container", "rm", "-f", kept, running);
});

test("info and version answer templates", async () => {
  expect(await box.strata("info", "--format", "{{.Driver}} {{.OSType}} {{.Images}}")).toBe("overlay2 linux 1");
  expect(await box.strata("system", "info")).toMatch(/^ Running: 0$/m);
  expect(await box.strata("version", "--format", "{{.Server.Os}}/{{.Client.Version}}")).toMatch(/^linux\/\d+\.\d+\.\d+$/);
});
