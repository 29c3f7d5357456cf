/** Runs in the machine, booted with SELinux: labels of processes and of mounts, under a policy of a few lines. */
import { spawnSync } from "node:child_process";
import { readFileSync, writeFileSync } from "node:fs";
import type { Spec } from "../../runtime/spec.ts";
import { attempt, detach, makeBundle, makeRootfs, strataRuntime } from "./programs.ts";
import { part, type Say } from "./say.ts";

const OWN = "/proc/self/attr/current";
const BOX = "all_u:all_r:box_t";
const [BOX_FILES, SECRET_FILES] = ["all_u:object_r:box_file_t", "all_u:object_r:secret_t"];

function load(say: Say): void {
  say("modules of the kernel", "selinux among them", readFileSync("/sys/kernel/security/lsm", "utf8").includes("selinux") ? "selinux among them" : "");
  spawnSync("mount", ["-t", "selinuxfs", "selinuxfs", "/sys/fs/selinux"]);
  writeFileSync("/sys/fs/selinux/load", readFileSync("/etc/selinux.policy"));
  writeFileSync("/sys/fs/selinux/enforce", "1");
  say("enforcing", "1", readFileSync("/sys/fs/selinux/enforce", "utf8"));
  say("label of these checks", "all_u:all_r:machine_t", plain(readFileSync(OWN, "utf8")));
  makeRootfs();
}

/** The kernel ends it with a zero. */
function plain(label: string): string {
  return label.replaceAll("\0", "").trim();
}

interface Labels {
  readonly selinuxLabel?: string;
  readonly mountLabel?: string;
}

function bundle(args: readonly string[], { selinuxLabel, mountLabel }: Labels): string {
  const change = (spec: Spec): Spec => ({
    ...spec,
    mounts: [...(spec.mounts ?? []), { destination: "/data", type: "tmpfs", source: "tmpfs", options: ["mode=755"] }],
    ...(spec.process !== undefined && { process: { ...spec.process, ...(selinuxLabel !== undefined && { selinuxLabel }) } }),
    linux: { ...spec.linux, ...(mountLabel !== undefined && { mountLabel }) },
  });
  return makeBundle("labelled", args, change);
}

function once(script: string, labels: Labels): string {
  return plain(strataRuntime("run", "--bundle", bundle(["sh", "-c", script], labels), "once"));
}

function processes(say: Say): void {
  say("process.selinuxLabel", BOX, once(`cat ${OWN}`, { selinuxLabel: BOX }));
  say("none", "all_u:all_r:machine_t", once(`cat ${OWN}`, {}));
  detach(bundle(["sleep", "1000"], { selinuxLabel: BOX }), "stays");
  say("strata-runtime exec", BOX, plain(strataRuntime("exec", "stays", "cat", OWN)));
  say(
    "exec --process-label of another",
    "all_u:all_r:machine_t",
    plain(strataRuntime("exec", "--process-label", "all_u:all_r:machine_t", "stays", "cat", OWN)),
  );
  strataRuntime("delete", "--force", "stays");
  const unknown = attempt("strata-runtime", "run", "--bundle", bundle(["true"], { selinuxLabel: "all_u:all_r:nobody_t" }), "unknown");
  const why = 'Cannot apply the SELinux label "all_u:all_r:nobody_t": the kernel\'s policy has none such';
  say("a label that the policy has not", `refused: ${why}`, unknown.status !== 0 && unknown.said.includes(why) ? `refused: ${why}` : unknown.said);
}

function mounts(say: Say): void {
  const labelled = { selinuxLabel: BOX, mountLabel: BOX_FILES };
  const seen = once(
    "grep -c context=all_u:object_r:box_file_t /proc/self/mounts; grep context= /proc/self/mounts | grep -c ' /proc \\| /sys '; true",
    labelled,
  );
  say("linux.mountLabel: mounts that have it; /proc and /sys among them", "some; none", seen.replace(/^[1-9]\d*\n0\b.*$/s, "some; none"));
  const write = "echo written > /data/file && cat /data/file";
  say("a file in a mount with a label that the process may open", "written", once(write, labelled));
  const denied = once(`{ ${write}; } 2>&1; true`, { selinuxLabel: BOX, mountLabel: SECRET_FILES });
  say("in one with a label that it may not", "Permission denied", /Permission denied/.exec(denied)?.[0] ?? denied);
  const unknown = attempt("strata-runtime", "run", "--bundle", bundle(["true"], { mountLabel: "all_u:object_r:nothing_t" }), "unknown");
  say("a label that the policy has not", "refused", unknown.status === 0 ? "taken" : "refused");
  say("containers left", "", strataRuntime("list", "--quiet"));
}

await part("SELinux", [load, processes, mounts]);
