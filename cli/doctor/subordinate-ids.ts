/** Whether users have ids of their own for containers' users. Spec: subuid(5), subgid(5). */
import { idMap, spare } from "../rootless/id-maps.ts";
import { missing, ok, type Check, type Machine } from "./check.ts";

const FILES = [
  { path: "/etc/subuid", flag: "--add-subuids" },
  { path: "/etc/subgid", flag: "--add-subgids" },
] as const;
/** What mending takes: as many as useradd gives. */
const RANGE = "100000-165535";

/** Root has all ids: of it is asked whether anybody else has some. */
export function checkSubordinateIds({ read, isRoot, user }: Machine): readonly Check[] {
  return FILES.map(({ path, flag }) => {
    const text = read(path) ?? "";
    const why = "containers without root have no user but root, and images with files of others cannot be used";
    if (isRoot) {
      const names = ownersOf(text);
      return names.length > 0
        ? ok(path, `ranges of ${names.join(", ")}`)
        : missing(path, false, `gives no user ids of their own: ${why}`, `usermod ${flag} ${RANGE} USER`);
    }
    const count = spare(idMap(text, user, 0));
    return count > 0
      ? ok(path, `${count} ids of ${user.name}`)
      : missing(path, false, `gives ${user.name} no ids: ${why}`, `sudo usermod ${flag} ${RANGE} ${user.name}`);
  });
}

function ownersOf(text: string): readonly string[] {
  return [...new Set(text.split("\n").flatMap((line) => /^([^:#]+):\d+:[1-9]\d*$/.exec(line.trim())?.[1] ?? []))];
}
