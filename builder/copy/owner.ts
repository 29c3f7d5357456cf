/** --chown and USER: names from the image's own passwd and group, or numbers. */
import type { MergedView } from "../../store/store.ts";
import { BuilderError } from "../errors.ts";

export interface Owner {
  readonly uid: number;
  readonly gid: number;
}

export interface Account extends Owner {
  /** Supplementary groups; only when no group was named. */
  readonly groups: readonly number[];
  readonly home: string;
}

interface Passwd {
  readonly name: string;
  readonly uid: number;
  readonly gid: number;
  readonly home: string;
}

/**
 * `user[:group]`: a user alone brings its primary group, a number the same number.
 * A name that is not listed is refused, or root as BuildKit has it. @throws {BuilderError} `USER_UNKNOWN`
 */
export async function resolveOwner(text: string, view: MergedView, unlisted: "refused" | "root" = "refused"): Promise<Owner> {
  const [user = "", group = ""] = text.split(":");
  const owner = user === "" ? ROOT : isNumber(user) ? { uid: Number(user), gid: Number(user) } : await listed(user, view);
  if (owner === undefined && unlisted === "refused") throw unknown("user", user, "/etc/passwd");
  const { uid, gid } = owner ?? ROOT;
  if (group === "") return { uid, gid };
  const id = isNumber(group) ? Number(group) : await groupNamed(group, view);
  if (id === undefined && unlisted === "refused") throw unknown("group", group, "/etc/group");
  return { uid, gid: id ?? gid };
}

const ROOT: Owner = { uid: 0, gid: 0 };

async function listed(name: string, view: MergedView): Promise<Owner | undefined> {
  return (await passwd(view)).find((entry) => entry.name === name);
}

/** As a container runs with USER: an unknown number belongs to group 0. @throws {BuilderError} `USER_UNKNOWN` */
export async function resolveAccount(text: string, view: MergedView): Promise<Account> {
  const [user = "", group] = text.split(":");
  const entry = await findUser(user === "" ? "0" : user, view);
  if (entry === undefined && user !== "" && !isNumber(user)) throw unknown("user", user, "/etc/passwd");
  const gid = group === undefined || group === "" ? undefined : await groupId(group, view);
  const groups = gid === undefined && entry !== undefined ? await supplementary(entry.name, view) : [];
  return { uid: entry?.uid ?? Number(user || "0"), gid: gid ?? entry?.gid ?? 0, groups, home: entry?.home || "/" };
}

async function findUser(user: string, view: MergedView): Promise<Passwd | undefined> {
  const entries = await passwd(view);
  return entries.find(({ name }) => name === user) ?? (isNumber(user) ? entries.find(({ uid }) => uid === Number(user)) : undefined);
}

async function passwd(view: MergedView): Promise<readonly Passwd[]> {
  return (await lines("etc/passwd", view)).map(([name = "", , uid, gid, , home = "/"]) => ({ name, uid: Number(uid), gid: Number(gid), home }));
}

async function groupId(group: string, view: MergedView): Promise<number> {
  const found = (await groupNamed(group, view)) ?? (isNumber(group) ? Number(group) : undefined);
  if (found === undefined) throw unknown("group", group, "/etc/group");
  return found;
}

async function groupNamed(group: string, view: MergedView): Promise<number | undefined> {
  const found = (await lines("etc/group", view)).find(([name]) => name === group);
  return found === undefined ? undefined : Number(found[2]);
}

async function supplementary(name: string, view: MergedView): Promise<readonly number[]> {
  return (await lines("etc/group", view)).filter(([, , , members = ""]) => members.split(",").includes(name)).map(([, , gid]) => Number(gid));
}

async function lines(path: string, view: MergedView): Promise<readonly (readonly string[])[]> {
  const bytes = await view.read(path);
  const text = bytes === undefined ? "" : Buffer.from(bytes).toString("utf8");
  return text
    .split("\n")
    .filter((line) => line.includes(":"))
    .map((line) => line.split(":"));
}

function isNumber(text: string): boolean {
  return /^\d+$/.test(text);
}

function unknown(kind: string, name: string, file: string): BuilderError {
  return new BuilderError("USER_UNKNOWN", `Cannot find ${kind} ${name}: the image's ${file} does not list it`, {
    hint: "Create it in an earlier step, or use a number",
  });
}
