/** What becomes of the build cache and of cache mounts: bounds, use by several at once, ways in and out. */
import { execFileSync, spawn, type ChildProcess } from "node:child_process";
import { existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { beforeAll, describe, expect, test } from "vitest";
import { planPrune, type CacheEntry } from "../../builder/cache/prune-plan.ts";
import { runStrata, strataOutput, type Outcome } from "../support/cli.ts";
import { eventually } from "../support/cluster.ts";
import { strata } from "../support/root.ts";
import { rootWithImage } from "./root-with-image.ts";

function entry(id: string, at: number, more: Partial<CacheEntry> = {}): CacheEntry {
  return { id, kind: "step", size: 10, made: 0, at, isShared: false, description: "", ...more };
}

const CACHE = [
  entry("a", 1),
  entry("b", 5, { parent: "a" }),
  entry("c", 2),
  entry("d", 3, { parent: "c" }),
  entry("m", 4, { kind: "mount" }),
  entry("s", 0, { isShared: true }),
];
/** name, options, what goes, in order */
const plans: readonly (readonly [string, Parameters<typeof planPrune>[1], string])[] = [
  ["everything that nobody else holds", {}, "dcmba"],
  ["also what others hold", { all: true }, "sdcmba"],
  ["what was not used since a time, and what is below a used one stays", { before: 4 }, "dc"],
  ["no more than needed", { keep: 30 }, "dc"],
  ["nothing, when it fits", { keep: 50 }, ""],
  ["old ones, until it fits", { before: 5, keep: 35 }, "dc"],
];
test.each(plans)("Pruning: %s", (_, options, wanted) => {
  expect(
    planPrune(CACHE, options)
      .map(({ id }) => id)
      .join(""),
  ).toBe(wanted);
});

const root = rootWithImage();
let context: string;
beforeAll(() => {
  context = join(root.root, "..", "context");
  mkdirSync(context);
  writeFileSync(join(context, "file"), "x".repeat(100_000));
});

interface Running {
  readonly child: ChildProcess;
  readonly status: Promise<number | null>;
  log(): string;
}

function start(dockerfile: string, ...flags: readonly string[]): Running {
  const child = spawn(process.execPath, [strata, "build", "--progress", "plain", "-f", "-", ...flags, context], {
    env: root.env,
    stdio: ["pipe", "ignore", "pipe"],
  });
  child.stdin?.end(`FROM strata-test/tools\n${dockerfile}`);
  let log = "";
  child.stderr?.on("data", (chunk: Buffer) => (log += chunk.toString()));
  return { child, status: new Promise((resolve) => child.once("exit", resolve)), log: () => log };
}

async function build(dockerfile: string, ...flags: readonly string[]): Promise<Outcome> {
  return await runStrata(root, ["build", "--progress", "plain", "-f", "-", ...flags, context], { input: `FROM strata-test/tools\n${dockerfile}` });
}

const output = (log: string): readonly string[] => log.split("\n").flatMap((line) => /^#\d+ \d+\.\d+ (.*)$/.exec(line)?.[1] ?? []);
const says = async (running: Running, pattern: RegExp): Promise<void> =>
  await eventually(async () => await Promise.resolve(expect(running.log()).toMatch(pattern)));

describe("Pruning", () => {
  test("takes nothing that a build at work needs, and everything else", async () => {
    expect((await build("COPY file /old\n", "-t", "strata-test/gone")).status).toBe(0);
    await strataOutput(root, "rmi", "strata-test/gone");
    expect((await build("COPY file /kept\n", "-t", "strata-test/kept")).status).toBe(0);
    const text = [
      "FROM strata-test/tools AS other",
      "COPY file /from-other",
      "FROM strata-test/tools",
      "COPY file /f",
      "RUN echo 1 > /1",
      "RUN echo begun; sleep 4; cat /f > /2",
      "COPY --from=other /from-other /3",
    ];
    const running = start(text.join("\n"), "-t", "strata-test/running");
    await says(running, /\d begun/);
    const { stdout, status } = await runStrata(root, ["builder", "prune", "--all", "--force"]);
    expect(status).toBe(0);
    expect(stdout).toMatch(/^[0-9a-f]{25}$/m);
    expect(await running.status, running.log()).toBe(0);
    expect((await runStrata(root, ["system", "check"])).stderr).toMatch(/Everything is whole/);
    const after = await build("COPY file /kept\n");
    expect([after.status, /COPY file \/kept\n(?:#\d+ transferring .*\n)*#\d+ DONE/.test(after.stderr)]).toEqual([0, true]); // forgotten, though its image is there
    expect(await strataOutput(root, "images", "-q", "strata-test/kept")).not.toBe("");
  });

  test("by age keeps what is young, and du lists what is there", async () => {
    await build("COPY file /young\n");
    await strataOutput(root, "builder", "prune", "--force", "--filter", "until=24h");
    const rows = (await strataOutput(root, "builder", "du", "--format", "json")).split("\n").map((line) => JSON.parse(line) as Record<string, string>);
    expect(rows.some(({ Description, Type }) => Description?.includes("COPY file /young") === true && Type === "regular")).toBe(true);
    expect(await strataOutput(root, "builder", "du")).toMatch(/^ID +TYPE +RECLAIMABLE +SIZE +LAST ACCESSED +DESCRIPTION\n.* ago {3}[^]*Total:\t/);
    for (const filter of ["until=soon", "age=3"]) expect((await runStrata(root, ["builder", "du", "--filter", filter])).status).toBe(2);
  });

  test("happens by itself when a build made something and the cache is too large", async () => {
    await strataOutput(root, "builder", "prune", "--all", "--force");
    const made = async (name: string, limit: string): Promise<void> => {
      const { status } = await runStrata(root, ["build", "-q", "-t", "strata-test/last", "-f", "-", context], {
        input: `FROM scratch\nCOPY file /${name}\n`,
        env: { STRATA_CACHE_LIMIT: limit },
      });
      expect(status).toBe(0);
    };
    for (const name of ["one", "two", "three"]) await made(name, "off");
    await strataOutput(root, "image", "prune", "--force");
    const descriptions = async (): Promise<readonly string[]> =>
      (await strataOutput(root, "builder", "du", "--format", "{{.Description}}")).split("\n").map((text) => text.replace(/.*\/(?=\w+$)/, ""));
    expect((await descriptions()).toSorted()).toEqual(["one", "three", "two"]);
    await made("four", "150k");
    expect((await descriptions()).toSorted()).toContain("four");
    expect(await descriptions()).not.toContain("one");
    expect((await runStrata(root, ["system", "check"])).status).toBe(0);
  });
});

describe("Cache mounts", () => {
  const mount = (id: string, sharing: string): string => `RUN --mount=type=cache,target=/c,id=${id},sharing=${sharing}`;
  const GATES = "--mount=type=cache,target=/gates,id=gates";
  const until = (gate: string): string => `until [ -e /gates/${gate} ]; do sleep 0.1; done`;
  const open = async (gate: string): Promise<void> => expect((await build(`RUN ${GATES} touch /gates/${gate}\n`)).status).toBe(0);

  test("locked: one at a time, in one build and in two", async () => {
    const step = (n: number): string =>
      `${mount("locked", "locked")} ${GATES} mkdir /c/busy || exit 9; echo ${n} >> /c/log; ${until("locked")}; rm -r /c/busy\n`;
    const text = `${step(1)}FROM strata-test/tools AS two\n${step(2)}FROM scratch\nCOPY --from=0 / /1\nCOPY --from=two / /2\n`;
    const [one, two] = [start(text), start(text.replaceAll("echo", "echo other"))];
    await eventually(async () => await Promise.resolve(expect(`${one.log()}${two.log()}`).toMatch(/waiting for cache mount locked/)));
    await open("locked");
    expect([await one.status, await two.status], one.log() + two.log()).toEqual([0, 0]);
    const { stderr } = await build(`${mount("locked", "locked")} wc -l < /c/log\n`);
    expect(output(stderr)).toEqual(["4"]);
  });

  test("shared: several at once see each other's files", async () => {
    const meet = (own: string, other: string): string =>
      `${mount("shared", "shared")} touch /c/${own}; n=0; while [ ! -e /c/${other} ]; do sleep 0.1; n=$((n+1)); [ $n -lt 900 ] || exit 9; done\n`;
    const [one, two] = [start(meet("a", "b")), start(meet("b", "a"))];
    expect([await one.status, await two.status]).toEqual([0, 0]);
  });

  test("private: several at once see nothing of each other, and what one left is there for the next", async () => {
    const apart = (name: string, act: string): string => `${mount("private", "private")} ${GATES} echo begun; ${act}\n`.replaceAll("NAME", name);
    const leave = "echo left > /c/NAME; ls /c; touch /gates/NAME";
    const one = start(apart("one", `${until("begun")}; ${leave}`));
    await says(one, /\d begun/);
    const two = start(apart("two", `touch /gates/begun; ${until("one")}; ${leave}`));
    expect([await one.status, await two.status]).toEqual([0, 0]);
    expect([output(one.log()), output(two.log())]).toEqual([
      ["begun", "one"],
      ["begun", "two"],
    ]);
    expect(output((await build(`${mount("private", "private")} ls /c; cat /c/one\n`)).stderr)).toEqual(["one", "left"]);
  });

  test("come and go as tars, with owners, modes and links", async () => {
    await build(`${mount("tar", "shared")} mkdir -p /c/d; echo text > /c/d/f; chmod 750 /c/d; ln -s d/f /c/l; ln /c/d/f /c/h\n`);
    const file = join(context, "../mount.tar");
    await strataOutput(root, "builder", "cache-mount", "export", "tar", file);
    expect(execFileSync("tar", ["-tf", file], { encoding: "utf8" }).split("\n").filter(Boolean).sort()).toEqual(["d/", "d/f", "h", "l"]);
    await strataOutput(root, "builder", "cache-mount", "import", "copied", file);
    const { stderr } = await build(`${mount("copied", "shared")} cat /c/l /c/h; stat -c '%a %u' /c/d; echo more > /c/more\n`);
    expect(output(stderr)).toEqual(["text", "text", "750 0"]);
    await strataOutput(root, "builder", "cache-mount", "import", "copied", file);
    expect(output((await build(`${mount("copied", "shared")} ls /c; # again\n`)).stderr)).toEqual(["d", "h", "l"]);
    expect((await strataOutput(root, "builder", "cache-mount", "ls", "-q")).split("\n")).toEqual(expect.arrayContaining(["copied", "tar"]));
    expect(await strataOutput(root, "builder", "cache-mount", "rm", "copied")).toBe("copied");
    const gone = await runStrata(root, ["builder", "cache-mount", "export", "copied", join(context, "../none.tar")]);
    expect([gone.status, /there is none of that id/.test(gone.stderr), existsSync(join(context, "../none.tar"))]).toEqual([1, true, false]);
  });

  test("a tar that would write elsewhere, or is none, is refused and leaves the mount as it was", async () => {
    await build(`${mount("safe", "shared")} echo old > /c/f\n`);
    const outside = join(context, "../outside");
    mkdirSync(outside);
    const evil = (name: string, ...args: readonly string[]): string => {
      const path = join(context, `../${name}.tar`);
      execFileSync("tar", ["-cPf", path, "-C", context, ...args]);
      return path;
    };
    writeFileSync(join(context, "../rubbish.tar"), "rubbish");
    for (const tar of [evil("up", "--transform", "s,^file,../../outside/file,", "file"), join(context, "../rubbish.tar"), join(context, "../absent.tar")]) {
      await runStrata(root, ["builder", "cache-mount", "import", "safe", tar]);
      expect(readdirSync(outside)).toEqual([]);
    }
    expect((await runStrata(root, ["builder", "cache-mount", "import", "safe", join(context, "../rubbish.tar")])).status).not.toBe(0);
    await build(`${mount("safe", "shared")} true # look\n`);
    expect(readdirSync(join(root.root, "builder/mounts")).filter((name) => name.includes("-"))).toEqual([]);
  });

  test("one in use is neither removed nor pruned; afterwards it is", async () => {
    const running = start(`${mount("used", "shared")} ${GATES} echo begun; ${until("pruned")}; echo still > /c/f; cat /c/f\n`);
    await says(running, /\d begun/);
    expect((await runStrata(root, ["builder", "cache-mount", "rm", "used"])).stderr).toMatch(/a build uses it/);
    await strataOutput(root, "builder", "prune", "--force", "--all");
    await open("pruned");
    expect([await running.status, output(running.log())]).toEqual([0, ["begun", "still"]]);
    await strataOutput(root, "builder", "prune", "--force", "--all");
    expect(await strataOutput(root, "builder", "cache-mount", "ls", "-q")).toBe("");
    expect(readFileSync(join(context, "file"), "utf8")).toHaveLength(100_000);
  });
});
