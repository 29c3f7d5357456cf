/** Hooks of every kind: when, where, with what, and what their failure does. */
import { existsSync, readFileSync, readlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import type { HookSpec } from "../../runtime/spec.ts";
import { groupsNamed } from "../support/cgroups.ts";
import { type Bundle, execute, openOciLab, type OciLab, runtime } from "./oci-lab.ts";

let oci: OciLab;
beforeAll(async () => {
  oci = await openOciLab();
});
afterAll(async () => {
  await oci[Symbol.asyncDispose]();
});

const KINDS = ["prestart", "createRuntime", "createContainer", "startContainer", "poststart", "poststop"] as const;
type Kind = (typeof KINDS)[number];
type Hooks = Partial<Record<Kind, readonly HookSpec[]>>;

function shell(script: string, more: Partial<HookSpec> = {}): HookSpec {
  return { path: "/bin/sh", args: ["sh", "-c", script], env: ["PATH=/bin:/usr/bin"], ...more };
}

/** The program and the hooks write to one file that both sides see. */
function bundle(hooks: (file: string) => Hooks, script = "echo program >> /log"): Bundle & { readonly lines: () => readonly string[] } {
  const file = join(oci.lab.folder, `log-${oci.lab.id()}`);
  writeFileSync(file, "");
  const made = oci.bundle(script, {}, (spec) => ({
    ...spec,
    hooks: hooks(file),
    annotations: { "org.example.key": "value" },
    mounts: [...(spec.mounts ?? []), { destination: "/log", type: "bind", source: file, options: ["bind"] }],
  }));
  return {
    ...made,
    lines: () =>
      readFileSync(file, "utf8")
        .split("\n")
        .filter((line) => line !== ""),
  };
}

describe("hooks", () => {
  test("run in the order of the specification, each in its namespaces, with the state on stdin", async () => {
    const tell = (kind: Kind, path: string): HookSpec =>
      shell(`echo "${kind} $(readlink /proc/self/ns/mnt) $MORE $(cat)" >> ${path}`, { env: ["PATH=/bin", "MORE=more"] });
    const made = bundle(
      (file) => Object.fromEntries(KINDS.map((kind) => [kind, [tell(kind, kind === "startContainer" ? "/log" : file)]])) as Hooks,
      "echo program $(readlink /proc/self/ns/mnt) >> /log; sleep 600",
    );
    expect(await oci.create(made)).toBe(0);
    const { pid } = JSON.parse((await oci.command("state", made.id)).stdout) as { pid: number };
    const inside = readlinkSync(`/proc/${pid}/ns/mnt`);
    expect(await oci.command("start", made.id)).toMatchObject({ status: 0, stderr: "" });
    await expect.poll(() => made.lines().join("\n")).toMatch(/^program/m);
    expect(await oci.command("delete", "-f", made.id)).toMatchObject({ status: 0, stderr: "" });
    const said = made.lines().map((line) => /^(\w+) (\S+) ?(\w*) ?(.*)$/.exec(line)?.slice(1) ?? []);
    const outside = readlinkSync("/proc/self/ns/mnt");
    const state = (status: string, own: number): unknown => ({
      ociVersion: "1.2.0",
      id: made.id,
      status,
      pid: own,
      bundle: made.folder,
      annotations: { "org.example.key": "value" },
    });
    const rows = said.filter(([who]) => who !== "program").map(([kind, namespace, more, text]) => [kind, namespace, more, JSON.parse(text ?? "") as unknown]);
    expect(rows).toEqual([
      ["prestart", outside, "more", state("creating", pid)],
      ["createRuntime", outside, "more", state("creating", pid)],
      ["createContainer", inside, "more", state("creating", 1)],
      ["startContainer", inside, "more", state("created", 1)],
      ["poststart", outside, "more", state("running", pid)],
      ["poststop", outside, "more", state("stopped", 0)],
    ]);
    const order = said.map(([who]) => who);
    expect(order.indexOf("program")).toBeGreaterThan(order.indexOf("startContainer"));
  });

  test("see the mounts before the root is changed; limits hold them already", async () => {
    const made = bundle((file) => ({
      createRuntime: [shell(`grep -c ${oci.lab.folder}/rootfs/proc /proc/$(cat | tr -d ' ' | sed 's/.*"pid":\\([0-9]*\\).*/\\1/')/mountinfo >> ${file}`)],
      createContainer: [shell(`test -e ${oci.lab.rootfs}/dev/null && grep -c pids.*strata-test /proc/self/cgroup >> ${file}`)],
    }));
    expect(await oci.create(made)).toBe(0);
    expect(made.lines()).toEqual(["1", "1"]);
    await oci.command("delete", "-f", made.id);
  });

  const failing = [
    { kind: "prestart", hook: shell("echo because >&2; exit 3"), says: /prestart hook \/bin\/sh: exit status 3: because/ },
    { kind: "createRuntime", hook: shell("sleep 600", { timeout: 1 }), says: /createRuntime hook \/bin\/sh: it took longer than its timeout/ },
    { kind: "createContainer", hook: shell("echo because >&2; exit 4"), says: /createContainer hook \/bin\/sh: exit status 4: because/ },
    { kind: "createContainer", hook: shell("sleep 600", { timeout: 1 }), says: /createContainer hook \/bin\/sh: it took longer than its timeout/ },
    { kind: "prestart", hook: { path: "/nowhere/at/all" }, says: /prestart hook \/nowhere\/at\/all: .*ENOENT/ },
    { kind: "createContainer", hook: { path: "/nowhere/at/all" }, says: /createContainer hook \/nowhere\/at\/all: .*No such file/ },
  ] as const;
  test.each(failing)("$kind that fails ends the creation: $says", async ({ kind, hook, says }) => {
    const made = bundle((file) => ({ [kind]: [hook, shell(`echo second >> ${file}`)], poststop: [shell(`echo poststop >> ${file}`)] }));
    expect(await oci.create(made)).toBe(1);
    expect(readFileSync(join(made.folder, "create.log"), "utf8")).toMatch(says);
    expect(made.lines()).toEqual(["poststop"]);
    expect((await oci.command("state", made.id)).stderr).toContain("does not exist");
    await expect.poll(() => groupsNamed(made.id)).toEqual([]);
  });

  test("startContainer that fails stops the container before its program", async () => {
    const made = bundle(() => ({ startContainer: [shell("echo because >&2; exit 5")] }));
    expect(await oci.create(made)).toBe(0);
    expect(await oci.command("start", made.id)).toMatchObject({
      status: 1,
      stderr: expect.stringMatching(/startContainer hook \/bin\/sh: exit status 5: because/),
    });
    await expect.poll(async () => JSON.parse((await oci.command("state", made.id)).stdout) as unknown).toMatchObject({ status: "stopped" });
    expect(made.lines()).toEqual([]);
    expect(await oci.command("delete", made.id)).toMatchObject({ status: 0 });
  });

  test("poststart that fails kills the program", async () => {
    const made = bundle(() => ({ poststart: [shell("exit 6")] }), "sleep 600");
    expect(await oci.create(made)).toBe(0);
    expect(await oci.command("start", made.id)).toMatchObject({ status: 1, stderr: expect.stringMatching(/poststart hook \/bin\/sh: exit status 6/) });
    await expect.poll(async () => JSON.parse((await oci.command("state", made.id)).stdout) as unknown).toMatchObject({ status: "stopped" });
    expect(await oci.command("delete", made.id)).toMatchObject({ status: 0 });
  });

  test("poststop that fails is a warning, and the next one runs", async () => {
    const made = bundle((file) => ({ poststop: [shell("exit 7"), shell(`echo second >> ${file}`)] }));
    expect(await oci.command("run", "-b", made.folder, made.id)).toMatchObject({
      status: 0,
      stderr: expect.stringMatching(/poststop hook \/bin\/sh: exit status 7/),
    });
    expect(made.lines()).toEqual(["program", "second"]);
  });

  test("startContainer runs with no more rights than the program", async () => {
    const made = oci.bundle("true", { process: { user: { uid: 12, gid: 13 }, noNewPrivileges: true } }, (spec) => ({
      ...spec,
      hooks: { startContainer: [shell("id -u; grep -E 'CapEff|NoNewPrivs|Seccomp:' /proc/self/status; exit 1")] },
    }));
    expect(await oci.create(made)).toBe(0);
    const { stderr } = await oci.command("start", made.id);
    expect(stderr.split("\n").map((line) => line.replaceAll(/\s+/g, " "))).toEqual([
      expect.stringMatching(/exit status 1: 12$/),
      "CapEff: 0000000000000000",
      "NoNewPrivs: 1",
      "Seccomp: 2",
      "",
      "",
    ]);
    await oci.command("delete", "-f", made.id);
  });

  test.each(["createRuntime", "createContainer"] as const)("%s may take long: a timeout of weeks is no short one", async (kind) => {
    const made = bundle((file) => ({ [kind]: [shell(`sleep 1; echo slept >> ${file}`, { timeout: 4_294_968 })] }));
    expect(await oci.create(made)).toBe(0);
    expect(made.lines()).toEqual(["slept"]);
    await oci.command("delete", "-f", made.id);
  });

  test.each(["createRuntime", "createContainer", "poststart"] as const)("%s that hangs ends with its container: run does not wait on", async (kind) => {
    const made = bundle((file) => ({ [kind]: [shell(`echo hangs >> ${file}; exec sleep 600`)] }), "sleep 600");
    const running = oci.command("run", "-b", made.folder, made.id);
    await expect.poll(made.lines).toEqual(["hangs"]);
    expect(await oci.command("delete", "-f", made.id)).toMatchObject({ status: 0 });
    expect(await running).toMatchObject({ status: 1 });
    await expect.poll(() => groupsNamed(made.id)).toEqual([]);
  });

  test("get none of the caller's descriptors", async () => {
    const made = bundle((file) =>
      Object.fromEntries(["createRuntime", "createContainer", "poststop"].map((kind) => [kind, [shell(`ls /proc/self/fd >> ${file}`)]])),
    );
    const words = ["--root", oci.lab.runRoot, "run", "-b", made.folder, made.id];
    expect(await execute("bash", ["-c", 'exec "$0" "$@" 5</etc/passwd 40</etc/passwd', runtime, ...words])).toMatchObject({ status: 0 });
    const each = ["0", "1", "2", "3"]; // the last is of ls itself
    expect(made.lines()).toEqual([...each, ...each, "program", ...each]);
  });

  const invalid = [
    { name: "a relative path", hooks: { prestart: [{ path: "bin/sh" }] }, says: /hooks\.prestart: the path .*bin\/sh.* is not absolute/ },
    { name: "a timeout of 0", hooks: { poststop: [{ path: "/bin/sh", timeout: 0 }] }, says: /hooks\.poststop: the timeout 0 is not above 0/ },
    { name: "a kind that is none", hooks: { preboot: [{ path: "/bin/sh" }] }, says: /hooks\.preboot: there is no such kind/ },
  ];
  test.each(invalid)("$name is refused before anything is made", async ({ hooks, says }) => {
    const made = oci.bundle("true", {}, (spec) => ({ ...spec, hooks }));
    expect(await oci.create(made)).toBe(1);
    expect(readFileSync(join(made.folder, "create.log"), "utf8")).toMatch(says);
    expect(existsSync(join(oci.lab.runRoot, "containers", made.id))).toBe(false);
  });
});
