/** The cgroup v2 paths on a real v2 hierarchy: the only one of this machine, or the one beside v1. Device rules are a program there. */
import { existsSync, readFileSync } from "node:fs";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { DEFAULT_DEVICE_RULES } from "../../runtime/defaults.ts";
import { openProcesses } from "../../runtime/open-processes.ts";
import { compileDeviceRules } from "../../runtime/process/cgroup/device-program.ts";
import type { Processes } from "../../runtime/process.ts";
import type { Resources } from "../../runtime/spec.ts";
import { helper } from "../support/root.ts";
import { openLab, type Lab } from "./lab.ts";

let lab: Lab;
let processes: Processes;
let base: string;
beforeAll(async () => {
  lab = await openLab();
  base = / (\S+) \S+ - cgroup2 /.exec(readFileSync("/proc/self/mountinfo", "utf8"))?.[1] ?? "";
  processes = await openProcesses({ runRoot: lab.runRoot, helper, layout: { version: 2, hierarchies: [{ controllers: [], base, mount: base }] } });
});
afterAll(async () => {
  await lab[Symbol.asyncDispose]();
});

const silent = { kind: "monitor", stdin: false } as const;

async function shell(script: string, resources: Resources = { devices: DEFAULT_DEVICE_RULES }): Promise<string> {
  let text = "";
  const devices = [
    { path: "/dev/tun", type: "c", major: 10, minor: 200 },
    { path: "/dev/fuse", type: "c", major: 10, minor: 229 },
  ] as const;
  await processes.runOnce(lab.request(["sh", "-c", script], { linux: { resources, devices } }), {
    onOutput: (_, data) => {
      text += Buffer.from(data).toString();
    },
  });
  return text;
}

describe("device rules", () => {
  const reads = "for d in null zero tun fuse; do (: < /dev/$d) 2>/dev/null && echo $d; done";
  const deny = { allow: false, access: "rwm" } as const;
  const cases: readonly { readonly name: string; readonly devices: NonNullable<Resources["devices"]>; readonly script: string; readonly stdout: string }[] = [
    { name: "harmless devices only", devices: DEFAULT_DEVICE_RULES, script: reads, stdout: "null\nzero\n" },
    { name: "everything when everything is allowed", devices: [{ allow: true, access: "rwm" }], script: reads, stdout: "null\nzero\ntun\nfuse\n" },
    {
      name: "one more by its numbers",
      devices: [deny, { allow: true, type: "c", major: 10, minor: 200, access: "rwm" }],
      script: reads,
      stdout: "null\nzero\ntun\n",
    },
    {
      name: "one less after all were allowed",
      devices: [
        { allow: true, access: "rwm" },
        { allow: false, type: "c", major: 10, minor: 229, access: "rwm" },
      ],
      script: reads,
      stdout: "null\nzero\ntun\n",
    },
    {
      name: "reading is not writing",
      devices: [deny, { allow: true, type: "c", major: 10, minor: 200, access: "r" }],
      script: "(: < /dev/tun) && echo read; (: > /dev/tun) 2>/dev/null || echo refused",
      stdout: "read\nrefused\n",
    },
    {
      name: "a denial of writing leaves reading",
      devices: [
        { allow: true, access: "rwm" },
        { allow: false, type: "c", major: 10, minor: 200, access: "w" },
      ],
      script: "(: < /dev/tun) && echo read; (: > /dev/tun) 2>/dev/null || echo refused",
      stdout: "read\nrefused\n",
    },
  ];
  test.each(cases)("$name", async ({ devices, script, stdout }) => {
    expect(await shell(script, { devices })).toBe(stdout);
  });

  test("a program for many rules is still one that the kernel takes", async () => {
    const devices = [deny, ...Array.from({ length: 200 }, (_, minor) => ({ allow: true, type: "b", major: 8, minor, access: "rwm" }) as const)];
    expect(compileDeviceRules(devices).length / 8).toBeLessThan(4096);
    expect(await shell("(: < /dev/null) && echo ok", { devices })).toBe("ok\n");
  });
});

test("a container lives its life there", async () => {
  const { state } = await processes.run({ ...lab.request(["sh", "-c", "sleep 600 & sleep 61 & wait"]), stdio: silent });
  const folder = `${base}/strata/${state.id}`;
  await expect.poll(async () => await processes.pids(state.id)).toHaveLength(3);
  await processes.pause(state.id);
  expect((await processes.state(state.id))?.status).toBe("paused");
  expect(readFileSync(`${folder}/cgroup.events`, "utf8")).toContain("frozen 1");
  await processes.resume(state.id);
  expect((await processes.state(state.id))?.status).toBe("running");
  const { process } = lab.spec(["sh", "-c", "cat /proc/self/cgroup | grep ^0::; exit 3"]);
  if (process === undefined) throw new Error("no process");
  const { attachment, exit } = await processes.exec(state.id, process, { stdin: false });
  let text = "";
  for await (const { data } of attachment?.output ?? []) text += Buffer.from(data).toString();
  expect([text, (await exit).exitCode]).toEqual(["0::/\n", 3]);
  await processes.remove(state.id);
  expect(existsSync(folder)).toBe(false);
});

test("/sys/fs/cgroup shows its own group", async () => {
  expect(await shell("cat /sys/fs/cgroup/cgroup.procs | head -1; touch /sys/fs/cgroup/x 2>/dev/null || echo refused; cat /proc/self/cgroup | grep ^0::")).toBe(
    "1\nrefused\n0::/\n",
  );
});
