/** A shell whose new files are for its user alone: containers hold other users, and those must find their files all the same. */
import { execFileSync } from "node:child_process";
import { chmodSync } from "node:fs";
import { dirname } from "node:path";
import { expect, test } from "vitest";
import { strata, temporaryRoot } from "../support/root.ts";

test("containers of others than root run under a umask of 077", () => {
  using place = temporaryRoot();
  chmodSync(dirname(place.root), 0o711); // the container's root is another user here, and must pass
  const run = (...args: readonly string[]): string =>
    execFileSync("sh", ["-c", 'umask 077; exec "$@"', "sh", process.execPath, strata, ...args], { env: place.env, encoding: "utf8" }).trim();
  run("base", "create", "local/umask", "--bin", "sh,cat,id,stat");
  const script = "id -u; cat /etc/hosts /etc/resolv.conf >/dev/null && stat -c %a / /w/x";
  expect(run("run", "--rm", "--network", "none", "--user", "1000", "-w", "/w/x", "local/umask", "sh", "-c", script)).toBe("1000\n755\n755");
  expect(run("run", "--rm", "--network", "none", "--userns", "auto", "local/umask", "id", "-u")).toBe("0");
});
