/** --chmod: octal digits, or symbols as chmod(1) knows them, read as BSD's setmode does with no umask. Spec: Dockerfile reference, "COPY --chmod". */
import { BuilderError } from "../errors.ts";

/** From the mode that a file has to the one it gets. */
export type FileMode = (mode: number, isFolder: boolean) => number;

const SET_USER = 0o4000;
const SET_GROUP = 0o2000;
const STICKY = 0o1000;
const ANY_EXECUTE = 0o111;
/** What a class can have; `a` has all but the sticky bit, which only a `t` reaches. */
const CLASSES: Readonly<Record<string, number>> = { u: SET_USER | 0o700, g: SET_GROUP | 0o070, o: 0o007, a: SET_USER | SET_GROUP | 0o777 };
const ONLY_OTHERS = 0o007;

/** @throws {BuilderError} `FLAG_INVALID` */
export function parseMode(text: string): FileMode {
  if (/^[0-7]{1,4}$/.test(text)) return () => Number.parseInt(text, 8);
  const clauses = text.split(",").map((clause) => /^([ugoa]*)((?:[-+=](?:[ugo]|[rwxXst]*))+)$/.exec(clause));
  if (/^\d/.test(text) || clauses.some((clause) => clause === null))
    throw new BuilderError("FLAG_INVALID", `Cannot use --chmod=${text}: expected octal digits, 0 to 7777, or symbols as in u=rwX,go=rX`);
  const changes = clauses.flatMap((clause) => readClause(clause?.[1] ?? "", clause?.[2] ?? ""));
  return (mode, isFolder) => changes.reduce((changed, change) => change(changed, isFolder), mode);
}

function readClause(classes: string, operations: string): FileMode[] {
  const named = classes.split("").reduce((bits, name) => bits | (CLASSES[name] ?? 0), 0);
  return [...operations.matchAll(/([-+=])([ugo]|[rwxXst]*)(?=[-+=]|$)/g)].map(([, operator = "+", rights = ""]) => {
    const reach = (named === 0 ? CLASSES["a"]! : named) | (rights.includes("t") && named !== ONLY_OTHERS ? STICKY : 0);
    return (mode, isFolder) => {
      const bits = rightsOf(rights, mode, isFolder) & reach;
      if (operator === "+") return mode | bits;
      return operator === "-" ? mode & ~bits : (mode & ~reach) | bits;
    };
  });
}

function rightsOf(rights: string, mode: number, isFolder: boolean): number {
  if (rights === "u" || rights === "g" || rights === "o") {
    const copied = (mode >> { u: 6, g: 3, o: 0 }[rights]) & 7;
    return copied * 0o111;
  }
  const mayExecute = rights.includes("x") || (rights.includes("X") && (isFolder || (mode & ANY_EXECUTE) !== 0));
  return (
    (rights.includes("r") ? 0o444 : 0) |
    (rights.includes("w") ? 0o222 : 0) |
    (mayExecute ? ANY_EXECUTE : 0) |
    (rights.includes("s") ? SET_USER | SET_GROUP : 0) |
    (rights.includes("t") ? STICKY : 0)
  );
}
