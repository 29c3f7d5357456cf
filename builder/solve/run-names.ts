/** /etc/hosts and /etc/resolv.conf of a RUN: mounted, so that no layer ever holds this machine's. */
import * as fs from "node:fs";
import type { RunMount } from "../executor.ts";
import type { RunFolder } from "./run-folder.ts";

export interface NameOptions {
  readonly hostname: string;
  readonly network: "default" | "none" | "host";
  /** `name:address` or `name=address`. */
  readonly extraHosts: readonly string[];
}

export function nameFiles(folder: RunFolder, { hostname, network, extraHosts }: NameOptions): readonly RunMount[] {
  const own = [`127.0.0.1\tlocalhost ${hostname}`, "::1\tlocalhost ip6-localhost ip6-loopback"];
  const lines = extraHosts.map((pair) => {
    const [, name = pair, address = ""] = /^([^:=]+)[:=]\[?([^\]]*)\]?$/.exec(pair) ?? [];
    return `${address}\t${name}`;
  });
  const files = { hosts: `${[...own, ...lines].join("\n")}\n`, "resolv.conf": network === "none" ? "" : resolver() };
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
