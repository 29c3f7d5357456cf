/** Every property of config.json: an effect that the kernel shows, or a refusal that names it. docs/runtime-spec.md is the same list in words. */
import { execFileSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { groupsNamed, removeGroupsBelow } from "../support/cgroups.ts";
import { projectRoot } from "../support/root.ts";
import type { Lab, Overrides } from "./lab.ts";
import { openOciLab, type OciLab, type Outcome } from "./oci-lab.ts";
import { ROWS } from "./oci-properties.ts";

let oci: OciLab;
let lab: Lab;
beforeAll(async () => {
  oci = await openOciLab();
  ({ lab } = oci);
});
afterAll(async () => {
  await oci[Symbol.asyncDispose]();
});

const shell = async (script: string, overrides?: Overrides): Promise<Outcome> => {
  const { exit, stdout, stderr } = await lab.shell(script, overrides);
  return { status: exit.exitCode, stdout, stderr };
};

describe("honoured", () => {
  const rows = ROWS.flatMap((row) => ("effect" in row ? [{ property: row.property, ...row.effect }] : []));
  test.each(rows)("$property", async ({ script, stdout, overrides }) => {
    const wish = typeof overrides === "function" ? overrides(lab) : overrides;
    expect((await shell(script, wish)).stdout).toEqual(typeof stdout === "string" ? stdout : expect.stringMatching(stdout));
  });
});

describe("refused by name", () => {
  const rows = ROWS.flatMap((row) => (row.here === "refused" ? [row] : []));
  const put = (target: object, [name = "", ...rest]: readonly string[], value: unknown): object => {
    const inner = (target as Record<string, unknown>)[name];
    if (rest.length === 0) return { ...target, [name]: value };
    const next = put(typeof inner === "object" && inner !== null ? inner : {}, rest, value);
    return { ...target, [name]: name === "weightDevice" ? [next] : next };
  };
  test.each(rows)("$property", async ({ property, value, says }) => {
    const request = lab.request(["true"]);
    const spec = put(request.spec, property.split("."), value) as typeof request.spec;
    await expect(lab.processes.runOnce({ ...request, spec }, { onOutput: () => undefined })).rejects.toThrow(says);
    expect(groupsNamed(request.id)).toEqual([]);
  });
});

describe("what takes more than a container's own look", () => {
  test("cgroupsPath", async () => {
    const name = lab.id();
    const { id, folder } = oci.bundle("cat /proc/self/cgroup", { linux: { cgroupsPath: `/${name}/inner` } }, (spec) => ({
      ...spec,
      linux: { ...spec.linux, namespaces: spec.linux?.namespaces?.filter((one) => one.type !== "cgroup") },
    }));
    const { stdout } = await oci.command("run", "-b", folder, id);
    expect(stdout.split("\n").filter((line) => line.includes(":pids:"))).toEqual([expect.stringMatching(new RegExp(`:/${name}/inner$`))]);
    await removeGroupsBelow(name);
  });

  test("execCPUAffinity", async () => {
    const request = lab.request(["sleep", "600"]);
    const { state } = await lab.processes.run({ ...request, stdio: { kind: "monitor", stdin: false } });
    const seen = async (execCPUAffinity: object): Promise<string> => {
      const process = { ...lab.spec(["grep", "Cpus_allowed_list", "/proc/self/status"]).process, execCPUAffinity };
      const running = await lab.processes.exec(state.id, process as NonNullable<Parameters<typeof lab.processes.exec>[1]>, { stdin: false });
      let text = "";
      for await (const { data } of running.attachment?.output ?? []) text += Buffer.from(data).toString();
      return text.trim();
    };
    expect([await seen({ initial: "0" }), await seen({ initial: "0", final: "1" })]).toEqual(["Cpus_allowed_list:\t0", "Cpus_allowed_list:\t1"]);
    await lab.processes.remove(state.id);
  });

  test("checkBeforeUpdate refuses a limit below what is used", async () => {
    const request = lab.request(["sh", "-c", "dd if=/dev/zero of=/dev/shm/a bs=1M count=8 2>/dev/null; touch /ready; sleep 600"]);
    const { state } = await lab.processes.run({ ...request, stdio: { kind: "monitor", stdin: false } });
    await expect.poll(async () => (await lab.processes.usage(state.id)).memory).toBeGreaterThan(8 << 20);
    await expect(lab.processes.update(state.id, { memory: { limit: 4 << 20, checkBeforeUpdate: true } })).rejects.toThrow(
      /limit the container's memory to 4194304 bytes: it uses/,
    );
    await lab.processes.remove(state.id);
  });

  test("real time", async () => {
    const resources = { cpu: { realtimePeriod: 500_000, realtimeRuntime: 1000 } };
    expect((await shell("cd /sys/fs/cgroup/cpu; cat cpu.rt_period_us cpu.rt_runtime_us", { linux: { resources } })).stdout).toBe("500000\n1000\n");
  });

  test("throttles of disks", async () => {
    const disk = execFileSync("sh", ["-c", "cat /sys/block/*/dev | head -1"], { encoding: "utf8" }).trim();
    const [major = 0, minor = 0] = disk.split(":").map(Number);
    const rate = [{ major, minor, rate: 1_000_000 }];
    const blockIO = { throttleReadBpsDevice: rate, throttleWriteBpsDevice: rate, throttleReadIOPSDevice: rate, throttleWriteIOPSDevice: rate };
    const { stdout } = await shell("cd /sys/fs/cgroup/blkio; for i in read_bps write_bps read_iops write_iops; do cat blkio.throttle.${i}_device; done", {
      linux: { resources: { blockIO } },
    });
    expect(stdout).toBe(`${disk} 1000000\n`.repeat(4));
  });

  const absent = [
    ["hugetlb", { hugepageLimits: [{ pageSize: "2MB", limit: 4 << 20 }] }, /Cannot set hugetlb\.2MB\.limit_in_bytes: this machine has no hugetlb cgroups/],
    ["net_cls", { network: { classID: 5 } }, /Cannot set net_cls\.classid: this machine has no net_cls cgroups/],
    ["net_prio", { network: { priorities: [{ name: "lo", priority: 5 }] } }, /Cannot set net_prio\.ifpriomap: this machine has no net_prio cgroups/],
  ] as const;
  // Where they are mounted is not tried: a hierarchy more would change the whole machine, and engines beside us.
  test.each(absent)("a limit of %s, which is not mounted, is refused by name", async (controller, resources, says) => {
    expect(readFileSync("/proc/self/mountinfo", "utf8")).not.toMatch(new RegExp(`- cgroup .*\\b${controller}\\b`));
    await expect(lab.shell("true", { linux: { resources } })).rejects.toThrow(says);
  });
});

describe("docs/runtime-spec.md", () => {
  const text = readFileSync(join(projectRoot, "docs/runtime-spec.md"), "utf8");
  const listed = Array.from(text.matchAll(/^\| `([^`]+)` \| (honoured|refused) \| (.*) \|$/gm), ([, property, here, shown]) => ({ property, here, shown }));

  test("lists every property with what becomes of it and the test that shows it", () => {
    const wanted = ROWS.map((row) => ({
      property: row.property,
      here: row.here,
      shown: "file" in row ? `${row.file}: ${row.title}` : "oci-properties.test.ts",
    }));
    const rows = (all: readonly { readonly property: string | undefined }[]): readonly object[] =>
      all.toSorted((left, right) => String(left.property).localeCompare(String(right.property)));
    expect(rows(listed)).toEqual(rows(wanted));
  });

  test("names tests that there are", () => {
    for (const row of ROWS)
      if ("file" in row) expect(readFileSync(fileURLToPath(new URL(row.file, import.meta.url)), "utf8"), `${row.file}: ${row.title}`).toContain(row.title);
  });
});
