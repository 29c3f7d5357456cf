/** What scripts read of docker, held against a real one: the same containers, made by Debian's docker and by us, have the same fields. */
import { execFileSync } from "node:child_process";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test, vi } from "vitest";
import { BOX_IMAGE, type Box, openBox } from "../support/box.ts";
import { type Dockerd, startDockerd } from "../support/dockerd.ts";

vi.setConfig({ testTimeout: 180_000, hookTimeout: 300_000 });

let box: Box;
let docker: Dockerd;
const FLAGS = [
  "--network",
  "none",
  "--label",
  "of=test",
  "-e",
  "A=1",
  "--memory",
  "64m",
  "--stop-timeout",
  "1",
  "--name",
  "twin",
  "-v",
  "kept:/data:ro",
  "--tmpfs",
  "/scratch:size=1m",
];

beforeAll(async () => {
  box = await openBox("sh sleep true");
  docker = await startDockerd();
  const archive = join(box.root.root, "image.tar");
  await box.strata("save", "-o", archive, BOX_IMAGE);
  await docker.docker("load", "-i", archive);
  for (const run of [box.strata, docker.docker]) await run("run", "-d", ...FLAGS, BOX_IMAGE, "sh", "-c", "sleep 300");
});
afterAll(async () => {
  await docker[Symbol.asyncDispose]();
  await box.strata("rm", "-f", "twin");
  await box.strata("volume", "rm", "kept");
  await box[Symbol.asyncDispose]();
});

/** Of docker's own inside, or of other systems. */
const NOT_OURS: ReadonlySet<string> = new Set([
  "MountLabel",
  "ProcessLabel",
  "ExecIDs",
  "HostConfig.ContainerIDFile",
  "HostConfig.ConsoleSize",
  "HostConfig.Cgroup",
  "HostConfig.IOMaximumBandwidth",
  "HostConfig.IOMaximumIOps",
  "HostConfig.CpuCount",
  "HostConfig.CpuPercent",
  "HostConfig.CpuRealtimePeriod",
  "HostConfig.CpuRealtimeRuntime",
  "HostConfig.DeviceRequests",
  "HostConfig.KernelMemory",
  "HostConfig.KernelMemoryTCP",
  "HostConfig.MaskedPaths",
  "HostConfig.ReadonlyPaths",
  "HostConfig.VolumeDriver",
  "GraphDriver.Data.LowerDir",
  "GraphDriver.Data.MergedDir",
  "NetworkSettings.Bridge",
  "NetworkSettings.HairpinMode",
  "NetworkSettings.LinkLocalIPv6Address",
  "NetworkSettings.LinkLocalIPv6PrefixLen",
  "NetworkSettings.SecondaryIPAddresses",
  "NetworkSettings.SecondaryIPv6Addresses",
  "NetworkSettings.EndpointID",
  "HostConfig.SecurityOpt",
  "HostConfig.Tmpfs./scratch",
]);

/** Paths of an object's fields; of lists the first one's. */
function fieldsOf(value: unknown, path = ""): readonly string[] {
  if (Array.isArray(value)) return value.length === 0 ? [] : fieldsOf(value[0], path);
  if (typeof value !== "object" || value === null) return [];
  return Object.entries(value).flatMap(([key, child]) => [`${path}${key}`, ...fieldsOf(child, `${path}${key}.`)]);
}

describe("a container", () => {
  test("inspect has docker's fields", async () => {
    const [ours, theirs] = await Promise.all([box.strata("inspect", "twin"), docker.docker("inspect", "twin")]);
    const known = new Set(fieldsOf(JSON.parse(ours)));
    expect(fieldsOf(JSON.parse(theirs)).filter((field) => !known.has(field) && !NOT_OURS.has(field))).toEqual([]);
  });

  const templates = [
    "{{.State.Status}} {{.State.Running}} {{.State.Paused}} {{.State.ExitCode}} {{.State.OOMKilled}}",
    "{{.Name}} {{.Path}} {{json .Args}} {{.Config.Image}} {{.RestartCount}}",
    "{{len .Config.Env}} {{json .Config.Cmd}} {{json .Config.Labels}} {{.Config.Tty}} {{.Config.StopTimeout}}",
    "{{.HostConfig.Memory}} {{.HostConfig.MemorySwap}} {{.HostConfig.NetworkMode}} {{json .HostConfig.Binds}} {{.HostConfig.RestartPolicy.Name}}",
    "{{range .Mounts}}{{.Type}} {{.Name}} {{.Destination}} {{.Mode}} {{.RW}}\n{{end}}",
    "{{range $name, $net := .NetworkSettings.Networks}}{{$name}}={{$net.IPAddress}}{{end}}",
    '{{if .State.Running}}up{{else}}down{{end}} {{len .Mounts}} {{index .Config.Labels "of"}} {{printf "%s!" .Name}}',
  ];
  test.each(templates)("inspect -f %s", async (template) => {
    const [ours, theirs] = await Promise.all([box.strata("inspect", "-f", template, "twin"), docker.docker("inspect", "-f", template, "twin")]);
    expect(ours).toBe(theirs);
  });

  const rows = [
    "{{.Names}} {{.Image}} {{.Command}} {{.State}} {{.Labels}} {{.Mounts}} {{.Networks}} {{.LocalVolumes}} {{.Ports}}",
    "table {{.Names}}\t{{.Image}}",
    '{{.Names}} {{.Label "of"}}{{.Label "nothing"}}',
    'table {{.Names}}\t{{.Label "of"}}',
  ];
  test.each(rows)("ps --format %s", async (format) => {
    const [ours, theirs] = await Promise.all([box.strata("ps", "--format", format), docker.docker("ps", "--format", format)]);
    expect(ours).toBe(theirs);
  });

  const columns = (text: string): readonly string[] => (text.split("\n")[0] ?? "").trim().split(/ {2,}/);

  test("stats has docker's columns, fields and words", async () => {
    const flags = [[], ["--format", "{{.Name}} {{.Container}} {{.NetIO}}"], ["--format", "table {{.Name}}\t{{.PIDs}}"], ["--format", "{{json .}}"]];
    for (const format of flags) {
      const words = ["stats", "--no-stream", ...format, "twin"];
      const [ours, theirs] = await Promise.all([box.strata(...words), docker.docker(...words)]);
      if (theirs.startsWith("{")) expect(Object.keys(JSON.parse(ours) as object).toSorted()).toEqual(Object.keys(JSON.parse(theirs) as object).toSorted());
      else expect(columns(ours)).toEqual(columns(theirs));
    }
    const memory = ["stats", "--no-stream", "--format", "{{.CPUPerc}} {{.MemUsage}} {{.MemPerc}} {{.BlockIO}} {{.PIDs}}", "twin"];
    const shape = /^\d+\.\d\d% [\d.]+[KM]?i?B \/ 64MiB \d+\.\d\d% [\d.]+[kM]?B \/ [\d.]+[kM]?B \d+$/;
    for (const run of [box.strata, docker.docker]) await expect.poll(async () => await run(...memory), { timeout: 60_000 }).toMatch(shape);
  });

  test.each([[[]], [["-o", "pid,ppid,comm"]], [["-eo", "user,pid,args"]], [["aux"]]])("top %j has docker's columns, and the same processes", async (flags) => {
    const [ours, theirs] = await Promise.all([box.strata("top", "twin", ...flags), docker.docker("top", "twin", ...flags)]);
    const words = (line: string): readonly string[] => line.trim().split(/\s+/);
    const [ourTitle = "", ...ourRows] = ours.split("\n");
    const [theirTitle = "", ...theirRows] = theirs.split("\n");
    expect(words(ourTitle)).toEqual(words(theirTitle));
    expect(ourRows.map((row) => words(row).at(-1))).toEqual(theirRows.map((row) => words(row).at(-1)));
  });

  test("events are told in the same words", async () => {
    const flags = [
      "events",
      "--since",
      "0",
      "--until",
      "0s",
      "--filter",
      "container=twin",
      "--format",
      "{{.Type}} {{.Action}} {{.Actor.Attributes.image}} {{.Actor.Attributes.name}}",
    ];
    const until = String(Math.ceil(Date.now() / 1000));
    const [ours, theirs] = await Promise.all(
      [flags, flags].map(async (words, at) =>
        at === 0 ? await box.strata(...words) : await docker.docker(...words.map((word) => (word === "0s" ? until : word))),
      ),
    );
    expect(ours?.split("\n")).toEqual(theirs?.split("\n").filter((line) => line.startsWith("container ")));
  });

  test("exit statuses are the same", async () => {
    const status = async (run: (...args: readonly string[]) => Promise<string>, ...args: readonly string[]): Promise<number> =>
      await run(...args).then(
        () => 0,
        (error: { readonly code?: number; readonly message: string }) => error.code ?? Number(/ended with (\d+)/.exec(error.message)?.[1]),
      );
    const cases = [
      ["run", "--rm", "--network", "none", BOX_IMAGE, "sh", "-c", "exit 7"],
      ["run", "--rm", "--network", "none", BOX_IMAGE, "nothing-of-that-name"],
      ["run", "--rm", "--network", "none", BOX_IMAGE, "/etc"],
      ["run", "--rm", "--network", "none", BOX_IMAGE, "sh", "-c", "kill -TERM $$"],
      ["exec", "twin", "sh", "-c", "exit 9"],
      ["rm", "twin"],
      ["start", "nobody"],
      ["logs", "nobody"],
      ["inspect", "nobody"],
      ...["ps", "images", "network ls", "volume ls", "info"].map((verb) => [...verb.split(" "), "--format", "{{.Nope}}"]),
    ];
    for (const words of cases) expect([words, await status(box.strata, ...words)]).toEqual([words, await status(docker.docker, ...words)]);
  });
});

test("the docker that is asked is Debian's", () => {
  expect(execFileSync("/usr/bin/docker", ["--version"], { encoding: "utf8" })).toContain("20.10");
});
