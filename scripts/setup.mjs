#!/usr/bin/env node
// Installs the Debian packages that a task needs and this machine lacks, each announced with its reason.
// Usage: node scripts/setup.mjs [test|bench|conformance]…
import { spawnSync } from "node:child_process";
import { accessSync, constants, existsSync } from "node:fs";
import { delimiter, join } from "node:path";

/** Programs (or files of what has no program) by the task that needs them; `run` is always among the tasks. */
const NEEDS = {
  run: [
    { program: "nft", package: "nftables", why: "published ports and the NAT of bridge networks" },
    { program: "mount", package: "mount", why: "emptyDir volumes of pods that are in memory" },
    { program: "mke2fs", package: "e2fsprogs", why: "containers whose storage is limited (run --storage-opt)" },
    { program: "ps", package: "procps", why: "goes into the demo's base image, to show what a container sees" },
  ],
  test: [
    { program: "skopeo", package: "skopeo", why: "a client that copies images in and out of our registry in the tests" },
    { program: "podman", package: "podman", why: "another client that pushes to and pulls from our registry in the tests" },
    { program: "docker-registry", package: "docker-registry", why: "the registry that our client pushes to and pulls from in the tests" },
    { program: "dockerd", package: "docker.io", why: "the engine that pushes, pulls and loads our images in the tests" },
    { program: "ctr", package: "containerd", why: "one more client of our registry in the tests" },
    { program: "htpasswd", package: "apache2-utils", why: "writes the password files that our registry reads in the tests" },
    { program: "zstd", package: "zstd", why: "packs what our own decompression is held against in the tests" },
    { program: "xz", package: "xz-utils", why: "unpacks .tar.xz for ADD" },
    { program: "bzip2", package: "bzip2", why: "unpacks .tar.bz2 for ADD" },
    { program: "newuidmap", package: "uidmap", why: "gives the containers of an ordinary user more than one user in the tests" },
    { program: "slirp4netns", package: "slirp4netns", why: "connects the containers of an ordinary user in the tests" },
    { program: "ip", package: "iproute2", why: "makes the network namespaces that containers join in the tests" },
    { program: "setcap", package: "libcap2-bin", why: "gives a program capabilities that tmpcopyup has to keep in the tests" },
    { file: "/usr/lib/cni/portmap", package: "containernetworking-plugins", why: "the plugins that CNI networks are made by in the tests" },
    { program: "busybox", package: "busybox-static", why: "a web server and its client in one file, for containers of other engines in the tests" },
    { program: "lxcfs", package: "lxcfs", why: "shows containers their limits in /proc, which the tests compare with our own way" },
    { program: "nginx", package: "nginx-light", why: "the web server of the example with a StatefulSet" },
    { program: "curl", package: "curl", why: "reads that web server from another pod" },
    { program: "qemu-aarch64-static", package: "qemu-user-static", why: "runs the arm64 program of the tests of foreign RUN steps" },
    { program: "script", package: "bsdutils", why: "gives kubectl a terminal in the tests of exec -it and attach -it" },
    { program: "git", package: "git", why: "fetches the repositories of contexts and ADD" },
    { program: "sshd", package: "openssh-server", why: "serves git over ssh in the tests" },
    { program: "ssh-agent", package: "openssh-client", why: "holds the keys that RUN --mount=type=ssh forwards in the tests" },
    { program: "tmux", package: "tmux", why: "the terminal that the display of builds is looked at in the tests" },
    { program: "chromium", package: "chromium", why: "the browser that the registry's pages are looked at in the tests" },
    {
      file: "/usr/lib/python3/dist-packages/swift/__init__.py",
      package: "python3-swift",
      why: "the S3 service that the registry keeps its content in in the tests",
    },
    { program: "strace", package: "strace", why: "shows what the kernel is told of seccomp and capabilities in the tests" },
    { program: "python3", package: "python3", why: "takes the terminal that a console socket is sent in the tests" },
    { program: "openssl", package: "openssl", why: "verifies the certificates that we issue in the tests" },
  ],
  bench: [
    { program: "dockerd", package: "docker.io", why: "BuildKit, the peer of the build benchmarks, and the engine of the others" },
    { program: "buildah", package: "buildah", why: "the second peer of the build benchmarks" },
    { program: "docker-registry", package: "docker-registry", why: "the registry that ours is measured against, and that clients push to" },
    { program: "podman", package: "podman", why: "a peer of the push, pull and container benchmarks" },
    { program: "crun", package: "crun", why: "the runtime that our helper is measured against" },
    { program: "runc", package: "runc", why: "another runtime that our helper is measured against" },
    { program: "skopeo", package: "skopeo", why: "the peer that copies images which are packed already" },
    { program: "wrk", package: "wrk", why: "asks registries for small manifests as fast as they answer" },
    { program: "ip", package: "iproute2", why: "gives the peers a loopback device in their own network" },
  ],
  cgroup2: [
    { program: "qemu-system-x86_64", package: "qemu-system-x86", why: "emulates the machine whose kernel has cgroup v2 only" },
    { program: "busybox", package: "busybox-static", why: "all the programs of that machine and of its containers" },
    { program: "mke2fs", package: "e2fsprogs", why: "makes that machine's disk" },
    { program: "nft", package: "nftables", why: "the rules of its containers' networks" },
    { program: "ps", package: "procps", why: "tells what runs in its containers" },
    { program: "apparmor_parser", package: "apparmor", why: "loads the profiles that its containers are confined by" },
    { program: "secilc", package: "secilc", why: "compiles the policy that its containers are labelled by" },
    { program: "apt-get", package: "apt", why: "fetches its kernel, linux-image-cloud-amd64" },
  ],
  conformance: [
    { program: "dockerd", package: "docker.io", why: "BuildKit and the classic builder, which the builder is compared with" },
    { program: "ip", package: "iproute2", why: "gives dockerd a loopback device in its own network" },
    { program: "xz", package: "xz-utils", why: "unpacks the sources that the Dockerfiles are taken from" },
    { program: "bzip2", package: "bzip2", why: "unpacks the sources that the Dockerfiles are taken from" },
  ],
};

const PATH = [...(process.env.PATH ?? "").split(delimiter), "/usr/sbin", "/sbin", "/usr/bin", "/bin"];

function isInstalled(program) {
  return PATH.some((folder) => {
    try {
      accessSync(join(folder, program), constants.X_OK);
      return true;
    } catch {
      return false;
    }
  });
}

function run(command, args) {
  // RUNLEVEL 1 keeps a package's init script from starting its daemon.
  const env = { ...process.env, DEBIAN_FRONTEND: "noninteractive", RUNLEVEL: "1" };
  const { status, error } = spawnSync(command, args, { stdio: ["ignore", "inherit", "inherit"], env });
  if (error !== undefined || status !== 0) fail(`Cannot run ${command} ${args.join(" ")}: ${error?.message ?? `it ended with ${status}`}`);
}

function fail(message) {
  process.stderr.write(`setup: ${message}\n`);
  process.exit(1);
}

function setUp(tasks) {
  const unknown = tasks.find((task) => !Object.hasOwn(NEEDS, task));
  if (unknown !== undefined) fail(`Cannot set up ${unknown}: known are ${Object.keys(NEEDS).join(", ")}`);
  const missing = tasks.flatMap((task) => NEEDS[task]).filter((need) => (need.file === undefined ? !isInstalled(need.program) : !existsSync(need.file)));
  if (missing.length === 0) return;
  for (const need of missing) process.stdout.write(`setup: ${need.package} is missing: ${need.why}\n`);
  const install = ["install", "--yes", "--no-install-recommends", ...new Set(missing.map((need) => need.package))];
  if (process.getuid() !== 0) fail(`not root, so install them yourself:\n  sudo apt-get ${install.join(" ")}`);
  if (!isInstalled("apt-get")) fail("this is no Debian machine: install their programs with its package manager");
  process.stdout.write(`setup: apt-get ${install.join(" ")}\n`);
  run("apt-get", ["update", "--quiet=2"]);
  run("apt-get", ["--quiet=2", ...install]);
}

setUp(["run", ...process.argv.slice(2)]);
