/** What a program asks of AppArmor and SELinux. Written while the helper still sees this machine's own /proc: in the container an image
 * or a volume could have put something else in its place (CVE-2019-19921, CVE-2025-52881). A module that is absent is an error, never ignored. */
import { existsSync, readFileSync } from "node:fs";
import { RuntimeError } from "../errors.ts";
import type { ProcessSpec } from "../spec.ts";
import type { Operation } from "./operation.ts";

type Labels = Pick<ProcessSpec, "apparmorProfile" | "selinuxLabel">;

/** @throws {RuntimeError} `UNSUPPORTED` where this kernel does not run the module */
export function lowerLabels({ apparmorProfile = "", selinuxLabel = "" }: Labels, isEnabled = isModuleEnabled): readonly Operation[] {
  if (apparmorProfile !== "" && !isEnabled("apparmor")) throw absent("AppArmor profile", apparmorProfile, "AppArmor");
  if (selinuxLabel !== "" && !isEnabled("selinux")) throw absent("SELinux label", selinuxLabel, "SELinux");
  return [
    ...(apparmorProfile === "" ? [] : [["proc", "/proc/self/attr/apparmor/exec", `exec ${apparmorProfile}`] as const]),
    ...(selinuxLabel === "" ? [] : [["proc", "/proc/self/attr/exec", selinuxLabel] as const]),
  ];
}

function absent(what: string, value: string, module: string): RuntimeError {
  return new RuntimeError("UNSUPPORTED", `Cannot apply the ${what} ${JSON.stringify(value)}: ${module} is not enabled on this machine`);
}

function isModuleEnabled(name: "apparmor" | "selinux"): boolean {
  if (name === "selinux") return existsSync("/sys/fs/selinux/enforce");
  const parameter = "/sys/module/apparmor/parameters/enabled";
  return existsSync(parameter) && readFileSync(parameter, "utf8").startsWith("Y");
}
