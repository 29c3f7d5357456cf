/** strata-runtime features: what this runtime can do. Spec: runtime-spec 1.2, features.md. */
import { Command } from "commander";
import { CAPABILITIES } from "../../runtime/process/capabilities.ts";
import { NAMESPACE_FLAGS } from "../../runtime/process/namespace-flags.ts";
import type { OpenOci } from "../oci/context.ts";

export function command(open: OpenOci): Command {
  return new Command().description("Show what this runtime can do as JSON").action(async () => {
    const { context } = await open();
    const linux = {
      namespaces: Object.keys(NAMESPACE_FLAGS).filter((type) => type !== "time"),
      capabilities: CAPABILITIES,
      cgroup: { v1: true, v2: true, systemd: false, systemdUser: false },
      seccomp: { enabled: true, archs: ["SCMP_ARCH_AARCH64", "SCMP_ARCH_X86", "SCMP_ARCH_X86_64"] },
      apparmor: { enabled: false },
      selinux: { enabled: false },
    };
    context.stdout.write(`${JSON.stringify({ ociVersionMin: "1.0.0", ociVersionMax: "1.2.0", hooks: [], linux }, undefined, 2)}\n`);
  });
}
