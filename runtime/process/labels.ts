/** What a program asks of AppArmor and SELinux. Written while the helper still sees this machine's own /proc: in the container an image
 * or a volume could have put something else in its place (CVE-2019-19921, CVE-2025-52881). A module that is absent is an error, never ignored. */
import { existsSync, readFileSync } from "node:fs";
import { RuntimeError } from "../errors.ts";
import type { ProcessSpec } from "../spec.ts";
import type { Operation } from "./operation.ts";

type Labels = Pick<ProcessSpec, "apparmorProfile" | "selinuxLabel">;

/** @throws {RuntimeError} `UNSUPPORTED` where this kernel does not run the module */
export function lowerLabels({ apparmorProfile = "", selinuxLabel = "" }: Labels, isEnabled = runsModule): readonly Operation[] {
  const [profile, label] = [`AppArmor profile ${JSON.stringify(apparmorProfile)}`, `SELinux label ${JSON.stringify(selinuxLabel)}`];
  if (apparmorProfile !== "" && !isEnabled("apparmor")) throw absent(profile, "AppArmor");
  if (selinuxLabel !== "" && !isEnabled("selinux")) throw absent(label, "SELinux");
  return [
    ...(apparmorProfile === "" ? [] : [["label", "/proc/self/attr/apparmor/exec", `exec ${apparmorProfile}`, profile] as const]),
    ...(selinuxLabel === "" ? [] : [["label", "/proc/self/attr/exec", selinuxLabel, label] as const]),
  ];
}

/** What the files of a container's mounts are labelled as, if anything. @throws {RuntimeError} `UNSUPPORTED` */
export function mountLabelOf(label = "", isEnabled = runsModule): string | undefined {
  if (label === "") return undefined;
  if (!isEnabled("selinux")) throw new RuntimeError("UNSUPPORTED", "Cannot honour linux.mountLabel: SELinux is not enabled on this machine");
  return label;
}

/** The policy or the kernel knows the labels of their files; a bind's are on the files themselves. */
const LABELLED_ALREADY = new Set(["proc", "sysfs", "mqueue"]);

/** For the file system of a mount. */
export function labelWords(type: string | undefined, label: string | undefined): readonly string[] {
  return label === undefined || LABELLED_ALREADY.has(type ?? "") ? [] : [`context=${label}`];
}

function absent(what: string, module: string): RuntimeError {
  return new RuntimeError("UNSUPPORTED", `Cannot apply the ${what}: ${module} is not enabled on this machine`);
}

/** Whether this kernel runs the module, and it can be seen from here. */
export function runsModule(name: "apparmor" | "selinux"): boolean {
  if (name === "selinux") return existsSync("/sys/fs/selinux/enforce");
  const parameter = "/sys/module/apparmor/parameters/enabled";
  return existsSync(parameter) && readFileSync(parameter, "utf8").startsWith("Y");
}
