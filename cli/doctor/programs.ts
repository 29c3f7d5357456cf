/** Programs that strata calls or that its users like to have. */
import { missing, ok, type Check, type Machine } from "./check.ts";

interface Need {
  readonly program: string;
  readonly required: boolean;
  readonly why: string;
  /** By package manager, when not the program's own name. */
  readonly packages?: Readonly<Record<string, string>>;
  /** Instead of installing a package. */
  readonly mend?: string;
}

const NEEDS: readonly Need[] = [
  {
    program: "nft",
    required: true,
    why: "bridge networks, published ports and the addresses of services",
    packages: { "apt-get": "nftables", dnf: "nftables", apk: "nftables", pacman: "nftables", zypper: "nftables" },
  },
  {
    program: "newuidmap",
    required: false,
    why: "containers without root that have more than one user",
    packages: { "apt-get": "uidmap", dnf: "shadow-utils", apk: "shadow-subids" },
  },
  {
    program: "slirp4netns",
    required: false,
    why: "the default network of containers without root",
    packages: { "apt-get": "slirp4netns", dnf: "slirp4netns", apk: "slirp4netns", pacman: "slirp4netns", zypper: "slirp4netns" },
  },
  {
    program: "lxcfs",
    required: false,
    why: "containers that see in /proc what they use of their limits; without it they see the limits alone",
  },
  {
    program: "kubectl",
    required: false,
    why: "the cluster's usual client; strata apply, get, logs… work without it",
    mend: "see https://kubernetes.io/docs/tasks/tools/",
  },
];

const MANAGERS: Readonly<Record<string, string>> = {
  "apt-get": "apt-get install --yes",
  dnf: "dnf install --assumeyes",
  apk: "apk add",
  pacman: "pacman --sync",
  zypper: "zypper install",
};

/** slirp4netns speaks to a container's network through it. */
export function checkTun({ list, isWritable, isRoot }: Machine): Check {
  const why = "the default network of containers without root";
  const sudo = isRoot ? "" : "sudo ";
  if (!list("/dev/net").includes("tun")) return missing("/dev/net/tun", false, `the kernel's module is not loaded: ${why}`, `${sudo}modprobe tun`);
  if (!isWritable("/dev/net/tun")) return missing("/dev/net/tun", false, `closed to this user: ${why}`, "sudo chmod 666 /dev/net/tun");
  return ok("/dev/net/tun", "open to this user");
}

export function checkPrograms(machine: Machine): readonly Check[] {
  return NEEDS.map((need) => {
    const path = machine.find(need.program);
    if (path !== undefined) return ok(need.program, path);
    return missing(need.program, need.required, `not on PATH: ${need.why}`, need.mend ?? installCommand(machine, need));
  });
}

function installCommand(machine: Machine, { program, packages = {} }: Need): string {
  const manager = Object.keys(MANAGERS).find((name) => machine.find(name) !== undefined);
  const command = manager === undefined ? undefined : MANAGERS[manager];
  if (manager === undefined || command === undefined) return `install the package that brings ${program}`;
  return `${machine.isRoot ? "" : "sudo "}${command} ${packages[manager] ?? program}`;
}
