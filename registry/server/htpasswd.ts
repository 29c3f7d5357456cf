/** Basic authentication against an htpasswd file of bcrypt lines; the file is read again when it changes. */
import { createHash } from "node:crypto";
import { parseAuthorization } from "../../http/authorization.ts";
import { formatChallenge } from "../../http/challenge.ts";
import { HttpError } from "../../http/error.ts";
import type { Request } from "../../http/message.ts";
import { limit } from "../client/limit.ts";
import { RegistryError } from "../errors.ts";
import type { Access, Grant } from "./access.ts";
import { openStandIns } from "./stand-in.ts";
import { watchFile } from "./watched-file.ts";

export interface Passwords {
  check(username: string, password: string): Promise<boolean>;
  /** Changes with the user's password, and tells nothing of it; undefined for a user who is not there. */
  fingerprint(username: string): Promise<string | undefined>;
  /** Whose passwords there are. */
  names(): Promise<readonly string[]>;
}

/** bcrypt costs a tenth of a second, so a pair that was right is remembered for this long. */
const REMEMBER_MS = 300_000;
/** Wrong pairs cost as much as right ones: so many are looked at in turn, and more wait; whoever comes then is told to come back. */
const MOST_AT_ONCE = 2;
const MOST_WAITING = 50;

/** @throws {RegistryError} `CREDENTIALS_UNAVAILABLE` when the file cannot be read now */
export async function openHtpasswd(path: string, log: (line: string) => void): Promise<Passwords> {
  const users = watchFile(path, "password file", (text) => {
    const { strange, ...found } = parseHtpasswd(text);
    for (const line of strange) log(`htpasswd: line ${line} of ${path} lets nobody in: it is no name and bcrypt hash, as htpasswd -B writes them\n`);
    if (found.known.size === 0) log(`htpasswd: nobody can log in: ${path} has no user; htpasswd -B ${path} NAME adds one\n`);
    return found;
  });
  await users();
  const right = new Map<string, number>();
  const compare = inTurn(async (password: string, hash: string) => await (await import("bcryptjs")).compare(password, hash));
  return {
    async check(username, password): Promise<boolean> {
      const { known, standIn } = await users();
      const hash = known.get(username) ?? standIn(username);
      const key = createHash("sha256").update(`${hash}\n${password}`).digest("base64");
      if ((right.get(key) ?? 0) > Date.now()) return true;
      const ok = await compare(password, hash);
      if (ok) right.set(key, Date.now() + REMEMBER_MS);
      return ok;
    },
    async fingerprint(username): Promise<string | undefined> {
      const hash = (await users()).known.get(username);
      return hash === undefined ? undefined : createHash("sha256").update(`fingerprint\n${hash}`).digest("base64url");
    },
    names: async () => [...(await users()).known.keys()],
  };
}

/** @throws {HttpError} 429 when too many wait */
function inTurn(compare: (password: string, hash: string) => Promise<boolean>): typeof compare {
  const turn = limit(MOST_AT_ONCE);
  let waiting = 0;
  return async (password, hash) => {
    if (waiting >= MOST_WAITING) throw new HttpError(429, "Cannot check the password now: too many log in at once", { headers: { "retry-after": "1" } });
    waiting++;
    try {
      return await turn(async () => await compare(password, hash));
    } finally {
      waiting--;
    }
  };
}

export function basicAccess(passwords: Passwords): Access {
  return {
    authenticate: async (request) => await authenticateBasic(passwords, request),
    reach: async () => void (await passwords.names()),
    challenge: () => formatChallenge({ scheme: "basic", parameters: { realm: "strata registry" } }),
  };
}

/** Every user of the file may do everything. */
export async function authenticateBasic(passwords: Passwords, request: Request): Promise<Grant> {
  const credentials = parseAuthorization(request.headers.authorization);
  if (credentials?.scheme !== "basic") return { user: undefined, allows: () => false };
  const { username, password } = credentials;
  if (!(await passwords.check(username, password))) throw new RegistryError("UNAUTHORIZED", "Cannot log in: wrong user name or password");
  return { user: username, allows: () => true };
}

interface Users {
  readonly known: ReadonlyMap<string, string>;
  /** The hash of whoever is not there. */
  readonly standIn: (name: string) => string;
  /** Numbers of lines of other hashes, which nobody can log in with. */
  readonly strange: readonly number[];
}

function parseHtpasswd(text: string): Users {
  const known = new Map<string, string>();
  const strange: number[] = [];
  for (const [index, line] of text.split("\n").entries()) {
    const [, name, hash] = /^([^:#][^:]*):(\$2[aby]\$\d\d\$[./A-Za-z0-9]{53})\s*$/.exec(line) ?? [];
    if (name !== undefined && hash !== undefined) known.set(name, hash);
    else if (!/^\s*(?:#|$)/.test(line)) strange.push(index + 1);
  }
  return { known, standIn: openStandIns([...known.values()]), strange };
}
