/** /etc/hosts and /etc/resolv.conf of a RUN: mounted, so that no layer ever holds this machine's. */
import * as fs from "node:fs";
import type { RunMount } from "../executor.ts";
import type { RunFolder } from "./run-folder.ts";

const HOSTS = ["127.0.0.1\tlocalhost buildkitsandbox", "::1\tlocalhost ip6-localhost ip6-loopback"];

/** `extraHosts` are `name:address` or `name=address`. */
export function nameFiles(folder: RunFolder, network: "default" | "none" | "host", extraHosts: readonly string[]): readonly RunMount[] {
  const lines = extraHosts.map((pair) => {
    const [, name = pair, address = ""] = /^([^:=]+)[:=]\[?([^\]]*)\]?$/.exec(pair) ?? [];
    return `${address}\t${name}`;
  });
  const files = { hosts: `${[...HOSTS, ...lines].join("\n")}\n`, "resolv.conf": network === "none" ? "" : resolver() };
  return Object.entries(files).map(([name, text]) => {
    fs.writeFileSync(folder.path(name), text, { mode: 0o644 });
    return { kind: "bind", source: folder.path(name), target: `/etc/${name}`, readOnly: true };
  });
}

function resolver(): string {
  try {
    return fs.readFileSync("/etc/resolv.conf", "utf8");
  } catch {
    return "";
  }
}
