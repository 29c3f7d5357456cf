/**
 * Random and changed inputs for the native programs, built with ASan and UBSan: each must end in an error of the program's own.
 * More than the suite does: `STRATA_FUZZ_COUNT=1000000 STRATA_FUZZ_SEED=7 npx vitest run test/native/fuzz.test.ts`.
 */
import { execFileSync, spawnSync } from "node:child_process";
import { existsSync, mkdirSync, readFileSync, readdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { DEFAULT_CAPABILITIES, DEFAULT_DEVICE_RULES, DEFAULT_MOUNTS, MASKED_PATHS, READONLY_PATHS } from "../../runtime/defaults.ts";
import type { CreateRequest } from "../../runtime/process.ts";
import { lower, type LowerInput } from "../../runtime/process/lower.ts";
import { encodeFrame, FRAME } from "../../runtime/process/frames.ts";
import { encodeOperations } from "../../runtime/process/operation.ts";
import { defaultSeccomp } from "../../runtime/process/seccomp/default-profile.ts";
import { seccompProgram } from "../../runtime/process/seccomp/program.ts";
import type { LinuxSpec, ProcessSpec, Spec } from "../../runtime/spec.ts";
import { Wishes } from "../../store/layer/wishes.ts";
import { applyOperations } from "../../store/native/operations.ts";
import type { LayerEntry } from "../../store/store.ts";
import { projectRoot, temporaryRoot, type TemporaryRoot } from "../support/root.ts";

const COUNT = Number(process.env["STRATA_FUZZ_COUNT"] ?? 400);
const SEED = Number(process.env["STRATA_FUZZ_SEED"] ?? 1);

let place: TemporaryRoot;
let root: string;
beforeAll(async () => {
  execFileSync(process.execPath, [join(projectRoot, "scripts/native-variants.mjs"), "sanitized"], { stdio: "inherit" });
  place = temporaryRoot();
  root = join(place.root, "machine");
  for (const folder of ["proc", "dev", "state", "rootfs/bin", "rootfs/etc", "active/upper", "active/work", "lower", "cgroup/strata/box", "seeds"])
    mkdirSync(join(root, folder), { recursive: true });
  for (const file of [
    ...["null", "zero", "full", "random", "urandom", "tty"].map((name) => `dev/${name}`),
    "cgroup/strata/box/cgroup.procs",
    "cgroup/strata/box/tasks",
    "cgroup/strata/box/pids.max",
    "etc-hosts",
  ])
    writeFileSync(join(root, file), "");
  const program = join(place.root, "cat.c");
  writeFileSync(program, "#include <unistd.h>\nint main(void){char b[512];ssize_t n;while((n=read(0,b,sizeof b))>0)if(write(1,b,n)<0)return 1;return 0;}\n");
  execFileSync("gcc", ["-static", "-Os", "-o", join(root, "rootfs/bin/cat"), program]);
  for (const [name, list] of Object.entries(await lists())) writeFileSync(join(root, "seeds", name), list);
}, 900_000);
afterAll(() => {
  place[Symbol.dispose]();
});

function spec(process: Partial<ProcessSpec> = {}, linux: Partial<LinuxSpec> = {}): Spec {
  const capabilities = { bounding: DEFAULT_CAPABILITIES, effective: DEFAULT_CAPABILITIES, permitted: DEFAULT_CAPABILITIES };
  return {
    ociVersion: "1.2.0",
    root: { path: "/rootfs" },
    hostname: "box",
    mounts: [
      ...DEFAULT_MOUNTS.filter((mount) => !/cgroup|sysfs|mqueue/.test(mount.type ?? "")),
      { destination: "/etc/hosts", type: "bind", source: "/etc-hosts", options: ["bind", "ro"] },
    ],
    process: { user: { uid: 0, gid: 0 }, args: ["/bin/cat"], env: ["PATH=/bin"], cwd: "/", capabilities, ...process },
    linux: {
      namespaces: (["pid", "mount", "uts", "ipc"] as const).map((type) => ({ type })),
      resources: { devices: DEFAULT_DEVICE_RULES },
      maskedPaths: MASKED_PATHS,
      readonlyPaths: READONLY_PATHS,
      seccomp: defaultSeccomp(DEFAULT_CAPABILITIES),
      ...linux,
    },
  };
}

/** A user namespace may not mount proc where parts of it are hidden, as they are from the fuzzer. */
function withoutProc(whole: Spec): Spec {
  return { ...whole, mounts: (whole.mounts ?? []).filter((mount) => mount.type !== "proc") };
}

async function lists(): Promise<Record<string, Buffer>> {
  const monitored = { kind: "monitor", stdin: true, log: { format: "json", path: "/state/log", maxSize: 1000, maxFiles: 3 } } as const;
  const make = async (request: Omit<CreateRequest, "id">, rest: Partial<LowerInput> = {}): Promise<Buffer> =>
    encodeOperations(
      lower({
        request: { id: "box", ...request },
        mode: "once",
        start: true,
        attach: true,
        seccomp: await seccompProgram(join(place.root, "cache"), request.spec.linux?.seccomp),
        groups: undefined,
        environment: { PATH: "/bin" },
        rootless: false,
        nested: "no",
        ...rest,
      }),
    );
  const layers = { lowers: ["/lower", "/rootfs"], upper: "/active/upper", work: "/active/work" };
  const groups = { version: 1, path: "strata/box", members: [{ controllers: ["pids"], base: "/cgroup" }] } as const;
  const mappings = [{ containerID: 0, hostID: 100_000, size: 65_536 }];
  const user = { namespaces: (["pid", "mount", "uts", "user"] as const).map((type) => ({ type })), uidMappings: mappings, gidMappings: mappings };
  return {
    plain: await make({ spec: spec(), stdio: monitored }),
    layers: await make({ spec: spec({ user: { uid: 1000, gid: 1000, additionalGids: [5, 6] }, noNewPrivileges: true }), layers, stdio: monitored }),
    terminal: await make({ spec: spec({ terminal: true, consoleSize: { width: 80, height: 24 } }), stdio: monitored }),
    groups: await make({ spec: spec({}, { resources: { devices: [{ allow: true, access: "rwm" }] } }), stdio: monitored }, { groups }),
    user: await make({ spec: withoutProc(spec({ rlimits: [{ type: "RLIMIT_NOFILE", soft: 64, hard: 64 }] }, user)), layers, stdio: monitored }),
    staying: await make({ spec: spec(), stdio: monitored, exitCommand: ["/bin/cat"] }, { mode: "stay", directory: "/state" }),
    leaving: await make({ spec: spec(), stdio: { kind: "inherit" } }, { mode: "leave", directory: "/state", attach: false }),
  };
}

interface Fuzzed {
  readonly said: string;
  readonly status: number | null;
  readonly findings: readonly string[];
}

function fuzz(program: string, count: number, seeds: readonly string[], env: NodeJS.ProcessEnv = {}, options: readonly string[] = []): Fuzzed {
  const args = [...options, String(SEED), String(count), root, ...seeds.map((name) => join(root, "seeds", name))];
  const { stdout, stderr, status } = spawnSync(join(projectRoot, "build/Sanitized", program), args, { encoding: "utf8", env, maxBuffer: 1 << 26 });
  const findings = existsSync(root) ? readdirSync(root).filter((name) => name.startsWith("finding-")) : [];
  return { said: `${stdout}${stderr}`.trim(), status, findings };
}

function seed(name: string, bytes: Uint8Array): string {
  writeFileSync(join(root, "seeds", name), bytes);
  return name;
}

test.each([
  { name: "plain", frames: "3 4 6" },
  { name: "layers", frames: "3 4 6" },
  { name: "terminal", frames: "3 4 6" },
  { name: "groups", frames: "3 4 6" },
  { name: "user", frames: "3 4 6" },
  { name: "staying", frames: "3 4 6" },
  { name: "leaving", frames: "3 4" },
])("the seed $name is whole: its container starts and ends", ({ name, frames }) => {
  expect(fuzz("fuzz-launch", 1, [name], { SHOW: "1" }).said).toMatch(new RegExp(`^frames ${frames.replaceAll(" ", "( 1)* ")}\n`));
});

const none = { said: `seed ${SEED}: ${COUNT} inputs, 0 findings`, status: 0, findings: [] };

test("operation lists", { timeout: 3_600_000 }, () => {
  expect(fuzz("fuzz-launch", COUNT, ["plain", "layers", "terminal", "groups", "user", "staying", "leaving"])).toEqual(none);
});

test("what clients send to a monitor", { timeout: 3_600_000 }, () => {
  const resize = encodeFrame(FRAME.resize, Buffer.from([80, 0, 24, 0]));
  const frames = [
    encodeFrame(FRAME.attach),
    resize,
    encodeFrame(FRAME.input, Buffer.from("some words\n".repeat(50))),
    encodeFrame(FRAME.start),
    encodeFrame(FRAME.close),
  ];
  const talks = [frames, [...frames].reverse(), [frames[2]!, frames[2]!, frames[4]!], [encodeFrame(FRAME.input, Buffer.alloc(70_000)), frames[4]!]];
  const seeds = talks.map((talk, index) => seed(`talk-${index}`, Buffer.concat(talk)));
  for (const list of ["plain", "terminal"])
    expect(fuzz("fuzz-launch", Math.ceil(COUNT / 4), seeds, { FRAMES: "1" }, [join(root, "seeds", list)])).toMatchObject({ status: 0, findings: [] });
});

test("what the tree tool makes of its input", { timeout: 3_600_000 }, () => {
  const recorder = join(place.root, "recorder");
  const recorded = join(place.root, "recorded");
  writeFileSync(recorder, `#!/bin/sh\nexec cat > ${recorded}\n`, { mode: 0o755 });
  applyOperations(recorder, "/", [
    { kind: "mknod", path: "a", type: "fifo", mode: 0o600, major: 0, minor: 0 },
    { kind: "xattr", path: "etc", name: "user.some", value: Buffer.from("value") },
    { kind: "owner", path: "etc", uid: 1, gid: 2 },
    { kind: "mode", path: "bin", mode: 0o700 },
    { kind: "times", path: "etc", mtime: 1.5 },
  ]);
  const operations = seed("operations", readFileSync(recorded));
  const wishes = new Wishes();
  const entry = (path: string, type: LayerEntry["type"]): LayerEntry => ({ path, type, mode: 0o644, uid: 0, gid: 0, mtime: 1 });
  const pieces = [
    ...wishes.add("d", entry("folder", "directory")),
    ...wishes.add("f", entry("folder/copy", "file"), { size: 100, source: "/rootfs/bin/cat" }),
    ...wishes.add("s", entry("folder/link", "symlink"), { source: "copy" }),
    ...wishes.add("h", entry("hard", "hardlink"), { source: "folder/copy" }),
    ...wishes.add("t", entry("folder", "directory")),
    ...wishes.archiveEnd(),
    wishes.rest(),
  ];
  const wanted = seed("wishes", Buffer.concat(pieces));
  for (const [verb, name] of [
    ["apply", operations],
    ["write", wanted],
    ["capabilities", operations],
  ] as const)
    expect(fuzz("fuzz-tree", COUNT, [name], { VERB: verb })).toEqual(none);
});
