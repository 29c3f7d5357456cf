/** strata-runtime features: what this runtime can do. Spec: runtime-spec 1.2, features.md, features-linux.md. */
import { Command } from "commander";
import { CAPABILITIES } from "../../runtime/process/capabilities.ts";
import { HOOK_KINDS, STATE_VERSION } from "../../runtime/process/hooks/hooks.ts";
import { MOUNT_OPTION_WORDS } from "../../runtime/process/mount-options.ts";
import { NAMESPACE_FLAGS } from "../../runtime/process/namespace-flags.ts";
import type { OpenOci } from "../oci/context.ts";

export function command(open: OpenOci): Command {
  return new Command().description("Show what this runtime can do as JSON").action(async () => {
    const { context } = await open();
    context.stdout.write(`${JSON.stringify(await features(), undefined, 2)}\n`);
  });
}

async function features(): Promise<object> {
  const { SECCOMP_ACTIONS, SECCOMP_ARCHITECTURES, SECCOMP_FLAGS, SECCOMP_OPERATORS } = await import("../../runtime/process/seccomp/compile.ts");
  const flags = SECCOMP_FLAGS.toSorted();
  return {
    ociVersionMin: "1.0.0",
    ociVersionMax: STATE_VERSION,
    hooks: HOOK_KINDS,
    mountOptions: MOUNT_OPTION_WORDS,
    linux: {
      namespaces: Object.keys(NAMESPACE_FLAGS).toSorted(),
      capabilities: CAPABILITIES,
      cgroup: { v1: true, v2: true, systemd: false, systemdUser: false, rdma: true },
      seccomp: {
        enabled: true,
        actions: SECCOMP_ACTIONS,
        operators: SECCOMP_OPERATORS,
        archs: SECCOMP_ARCHITECTURES,
        knownFlags: flags,
        supportedFlags: flags,
      },
      apparmor: { enabled: true },
      selinux: { enabled: true },
      intelRdt: { enabled: false },
      mountExtensions: { idmap: { enabled: true } },
      netDevices: { enabled: false },
    },
    annotations: {},
    potentiallyUnsafeConfigAnnotations: [],
  };
}
