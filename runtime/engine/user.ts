/** Who the program runs as, looked up in the container's own passwd and group. Spec: image-spec v1.1, config.md, "User". */
import { RuntimeError } from "../errors.ts";

export interface Account {
  readonly uid: number;
  readonly gid: number;
  readonly additionalGids: readonly number[];
  readonly home: string;
}

interface PasswdEntry {
  readonly name: string;
  readonly uid: number;
  readonly gid: number;
  readonly home: string;
}

interface GroupEntry {
  readonly name: string;
  readonly gid: number;
  readonly members: readonly string[];
}

const MAX_ID = 0xffff_fffe;
/** As many groups as a process may have. */
const MAX_ROWS = 65_536;

/** What of an image's passwd and group, however long they are, bears on `user`, in their order: groups with only those members that may be meant. */
export function relevantAccounts(
  user: string,
  passwd: Iterable<string>,
  group: Iterable<string>,
  groupAdd: readonly string[] = [],
): { readonly passwd: string; readonly group: string } {
  const [userPart = "", groupPart = ""] = user.split(":", 2);
  const isUser = isOneOf([userPart === "" ? "0" : userPart]);
  const isGroup = isOneOf([groupPart, ...groupAdd]);
  const users = take(passwd, (fields) => (isUser(fields) ? fields : undefined));
  const names = new Set(users.map(([name = ""]) => name));
  const groups = take(group, ([name = "", secret = "", id = "", members = ""]) => {
    const meant = members.split(",").filter((member) => names.has(member));
    return meant.length > 0 || isGroup([name, secret, id]) ? [name, secret, id, meant.join(",")] : undefined;
  });
  return { passwd: text(users), group: text(groups) };
}

/** By name, or by the number that stands third. */
function isOneOf(wanted: readonly string[]): (fields: readonly string[]) => boolean {
  const [names, ids] = [new Set(wanted), new Set(wanted.map(parseId))];
  ids.delete(undefined);
  return ([name = "", , id = ""]) => names.has(name) || ids.has(parseId(id));
}

type Row = readonly string[];

function take(lines: Iterable<string>, choose: (fields: Row) => Row | undefined): readonly Row[] {
  const taken: Row[] = [];
  for (const line of lines) {
    const fields = choose(line.trimEnd().split(":"));
    if (fields !== undefined && taken.push(fields) === MAX_ROWS) break;
  }
  return taken;
}

function text(all: readonly Row[]): string {
  return all.map((fields) => `${fields.join(":")}\n`).join("");
}

/**
 * `user` is `name|uid[:group|gid]`, empty for root. A group given turns supplementary groups of the passwd off.
 * `numeric`: digits are an id, also where the container's files have an account of that name (`1000:x:0:0`).
 * @throws {RuntimeError} `USER_UNKNOWN`
 */
export function resolveAccount(user: string, passwd: string, group: string, groupAdd: readonly string[] = [], numeric = false): Account {
  const [userPart = "", groupPart] = user.split(":", 2);
  const groups = parseGroup(group);
  const entry = findUser(userPart === "" ? "0" : userPart, parsePasswd(passwd), numeric);
  const gid = groupPart === undefined || groupPart === "" ? entry.gid : findGroup(groupPart, groups, numeric);
  const own =
    groupPart === undefined || groupPart === "" ? groups.filter((candidate) => candidate.members.includes(entry.name)).map((candidate) => candidate.gid) : [];
  const added = groupAdd.map((name) => findGroup(name, groups, numeric));
  return { uid: entry.uid, gid, additionalGids: [...new Set([...own, ...added])].filter((id) => id !== gid), home: entry.home };
}

function findUser(wanted: string, entries: readonly PasswdEntry[], numeric: boolean): PasswdEntry {
  const uid = parseId(wanted);
  const named = numeric && uid !== undefined ? undefined : entries.find((entry) => entry.name === wanted);
  if (named !== undefined) return named;
  if (uid === undefined) throw new RuntimeError("USER_UNKNOWN", `Cannot run as user ${JSON.stringify(wanted)}: no such entry in the container's /etc/passwd`);
  return entries.find((entry) => entry.uid === uid) ?? { name: "", uid, gid: 0, home: uid === 0 ? "/root" : "/" };
}

function findGroup(wanted: string, entries: readonly GroupEntry[], numeric: boolean): number {
  const gid = (numeric ? parseId(wanted) : undefined) ?? entries.find((entry) => entry.name === wanted)?.gid ?? parseId(wanted);
  if (gid === undefined) throw new RuntimeError("USER_UNKNOWN", `Cannot run as group ${JSON.stringify(wanted)}: no such entry in the container's /etc/group`);
  return gid;
}

function parseId(text: string): number | undefined {
  if (!/^\d{1,10}$/.test(text)) return undefined;
  const id = Number(text);
  return id <= MAX_ID ? id : undefined;
}

function parsePasswd(text: string): readonly PasswdEntry[] {
  return rows(text).flatMap(([name = "", , uidText = "", gidText = "", , home = ""]) => {
    const [uid, gid] = [parseId(uidText), parseId(gidText)];
    return name === "" || uid === undefined || gid === undefined ? [] : [{ name, uid, gid, home: home.startsWith("/") ? home : "/" }];
  });
}

function parseGroup(text: string): readonly GroupEntry[] {
  return rows(text).flatMap(([name = "", , gidText = "", members = ""]) => {
    const gid = parseId(gidText);
    return name === "" || gid === undefined ? [] : [{ name, gid, members: members.split(",").filter((member) => member !== "") }];
  });
}

function rows(text: string): readonly (readonly string[])[] {
  return text.split("\n").map((line) => line.trimEnd().split(":"));
}
