/** --storage-opt: what bounds a container's files is a project quota. It is refused, with what the file system of the root says of quotas. */
import { existsSync, readFileSync, realpathSync } from "node:fs";
import { dirname, resolve } from "node:path";
import { EXIT, ExitError } from "../errors.ts";

const DOCKER = "--storage-opt is supported only for overlay over xfs with 'pquota' mount option";
const HINT = "Bound what a program writes with --read-only and --tmpfs PATH:size=SIZE, or with a volume on a file system of its own";

/** Status 125, as docker's. */
export function storageOptRefusal(root: string, mountinfo: string = readFileSync("/proc/self/mountinfo", "utf8")): ExitError {
  const { type, point, hasQuotas } = fileSystemOf(realPath(root), mountinfo);
  const place = `${root} is on ${type}, mounted on ${point}`;
  const found = hasQuotas
    ? `Cannot take --storage-opt: ${place} with project quotas, but strata sets none`
    : `${DOCKER}: ${place} without it, and strata sets no quotas`;
  return new ExitError(EXIT.strata, `${found}\n${HINT}`);
}

/** Of a folder that is not made yet, the one in which it will be. */
function realPath(path: string): string {
  const absolute = resolve(path);
  return existsSync(absolute) ? realpathSync(absolute) : realPath(dirname(absolute));
}

/** The mount nearest to `path`, of several on one point the last. Spec: proc(5), /proc/pid/mountinfo. */
function fileSystemOf(path: string, mountinfo: string): { readonly type: string; readonly point: string; readonly hasQuotas: boolean } {
  const mounts = mountinfo.split("\n").flatMap((line) => {
    const [mount = "", system = ""] = line.split(" - ");
    const point = unescape(mount.split(" ")[4] ?? "");
    const [type = "", , options = ""] = system.split(" ");
    const isAbove = point === "/" || path === point || path.startsWith(`${point}/`);
    return point !== "" && isAbove ? [{ type, point, hasQuotas: /(?:^|,)(?:pquota|prjquota)(?:,|$)/.test(options) }] : [];
  });
  return mounts.reduce((nearest, one) => (one.point.length >= nearest.point.length ? one : nearest), { type: "a file system", point: "/", hasQuotas: false });
}

/** Blanks and the like stand there as three octal digits. */
function unescape(text: string): string {
  return text.replaceAll(/\\([0-7]{3})/g, (_, digits: string) => String.fromCodePoint(Number.parseInt(digits, 8)));
}
