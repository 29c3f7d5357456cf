/** Authentication files of docker and of podman, and the credential helpers that they name. Spec: docker config.json; containers-auth.json(5). */
import { execFile } from "node:child_process";
import { statSync } from "node:fs";
import { readFile } from "node:fs/promises";
import { homedir } from "node:os";
import { dirname, join } from "node:path";
import { lockFolder } from "../../store/folder-lock.ts";
import { FreshFile, sweepBeside } from "../../store/fresh-file.ts";
import { makeFolders } from "../../store/make-folders.ts";
import { realPlace } from "../../store/real-place.ts";
import { RegistryError } from "../errors.ts";

export type Login =
  | { readonly kind: "password"; readonly username: string; readonly password: string }
  /** An OAuth2 refresh token. */
  | { readonly kind: "identity"; readonly token: string };

interface AuthEntry {
  readonly auth?: string;
  readonly username?: string;
  readonly password?: string;
  readonly identitytoken?: string;
}

interface AuthFile {
  readonly auths?: Readonly<Record<string, AuthEntry>>;
  readonly credsStore?: string;
  readonly credHelpers?: Readonly<Record<string, string>>;
}

const DOCKER_HUB = "https://index.docker.io/v1/";
/** User name under which helpers keep identity tokens. */
const IDENTITY_USER = "<token>";
/** The file is changed in milliseconds: who keeps its folder locked for longer does something else. */
const PATIENCE_MS = 5_000;

/** The login for a repository: podman's files first, then docker's; the most specific entry wins. */
export async function findLogin(host: string, repository: string, env: NodeJS.ProcessEnv): Promise<Login | undefined> {
  for (const path of readPaths(env)) {
    const file = await readAuthFile(path);
    const login = file === undefined ? undefined : await loginIn(file, host, repository, env);
    if (login !== undefined) return login;
  }
  return undefined;
}

/** Keeps it where docker does: a helper when one is configured, else the file. Returns where it went. */
export async function saveLogin(host: string, login: Login, env: NodeJS.ProcessEnv): Promise<string> {
  const path = writtenPath(env);
  const file = (await readAuthFile(path)) ?? {};
  const helper = helperFor(file, host);
  const key = keyOf(host);
  if (helper !== undefined) {
    const pair = login.kind === "identity" ? { Username: IDENTITY_USER, Secret: login.token } : { Username: login.username, Secret: login.password };
    await runHelper(helper, "store", JSON.stringify({ ServerURL: key, ...pair }), env);
    await changeAuthFile(path, (now) => withEntry(now, key, {}));
    return `credential helper ${helper}`;
  }
  const entry: AuthEntry =
    login.kind === "identity" ? { identitytoken: login.token } : { auth: Buffer.from(`${login.username}:${login.password}`).toString("base64") };
  await changeAuthFile(path, (now) => withEntry(now, key, entry));
  return path;
}

/** True when there was one. */
export async function forgetLogin(host: string, env: NodeJS.ProcessEnv): Promise<boolean> {
  const path = writtenPath(env);
  const file = await readAuthFile(path);
  if (file === undefined) return false;
  const helper = helperFor(file, host);
  if (helper !== undefined) await runHelper(helper, "erase", keyOf(host), env).catch(() => "");
  if (!aliases(host).some((key) => file.auths?.[key] !== undefined)) return false;
  await changeAuthFile(path, (now) => withoutEntries(now, aliases(host)));
  return true;
}

function withEntry(file: AuthFile, key: string, entry: AuthEntry): AuthFile {
  return { ...file, auths: { ...file.auths, [key]: entry } };
}

function withoutEntries(file: AuthFile, keys: readonly string[]): AuthFile {
  return { ...file, auths: Object.fromEntries(Object.entries(file.auths ?? {}).filter(([key]) => !keys.includes(key))) };
}

function readPaths(env: NodeJS.ProcessEnv): readonly string[] {
  const home = env["HOME"] ?? homedir();
  const explicit = env["REGISTRY_AUTH_FILE"];
  const runtime = env["XDG_RUNTIME_DIR"] ?? `/run/containers/${process.getuid?.() ?? 0}`;
  const podman = [
    join(runtime, env["XDG_RUNTIME_DIR"] === undefined ? "auth.json" : "containers/auth.json"),
    join(env["XDG_CONFIG_HOME"] ?? join(home, ".config"), "containers/auth.json"),
  ];
  return [...(explicit === undefined ? podman : [explicit]), dockerConfigPath(env)];
}

/** Where logins are kept: docker's file, unless another is named as podman has it. */
export function writtenPath(env: NodeJS.ProcessEnv): string {
  return env["REGISTRY_AUTH_FILE"] ?? dockerConfigPath(env);
}

function dockerConfigPath(env: NodeJS.ProcessEnv): string {
  return join(env["DOCKER_CONFIG"] ?? join(env["HOME"] ?? homedir(), ".docker"), "config.json");
}

async function loginIn(file: AuthFile, host: string, repository: string, env: NodeJS.ProcessEnv): Promise<Login | undefined> {
  const helper = helperFor(file, host);
  if (helper !== undefined) {
    const found = await askHelper(helper, host, env);
    if (found !== undefined) return found;
  }
  const parts = repository === "" ? [] : repository.split("/");
  const scopes = parts.map((_, index) => `${host}/${parts.slice(0, parts.length - index).join("/")}`);
  for (const key of [...scopes, ...aliases(host)]) {
    const login = readEntry(file.auths?.[key]);
    if (login !== undefined) return login;
  }
  return undefined;
}

function readEntry(entry: AuthEntry | undefined): Login | undefined {
  if (entry === undefined) return undefined;
  if (entry.identitytoken !== undefined && entry.identitytoken !== "") return { kind: "identity", token: entry.identitytoken };
  const pair = Buffer.from(entry.auth ?? "", "base64")
    .toString("utf8")
    .replace(/\0+$/, "");
  const colon = pair.indexOf(":");
  if (colon > 0) return { kind: "password", username: pair.slice(0, colon), password: pair.slice(colon + 1) };
  const { username, password } = entry;
  return username === undefined || password === undefined ? undefined : { kind: "password", username, password };
}

function keyOf(host: string): string {
  return host === "docker.io" ? DOCKER_HUB : host;
}

function aliases(host: string): readonly string[] {
  const plain = [host, `https://${host}`, `http://${host}`, `https://${host}/v1/`, `https://${host}/v2/`];
  return host === "docker.io" ? [DOCKER_HUB, "index.docker.io", ...plain] : plain;
}

function helperFor(file: AuthFile, host: string): string | undefined {
  const named = aliases(host)
    .map((key) => file.credHelpers?.[key])
    .find((helper) => helper !== undefined && helper !== "");
  return named ?? (file.credsStore === "" ? undefined : file.credsStore);
}

async function askHelper(helper: string, host: string, env: NodeJS.ProcessEnv): Promise<Login | undefined> {
  const said = await runHelper(helper, "get", keyOf(host), env).catch((error: unknown) => {
    if (/credentials not found/i.test(error instanceof Error ? error.message : "")) return undefined; // the protocol's only way to say so
    throw error;
  });
  if (said === undefined) return undefined;
  const { Username, Secret } = JSON.parse(said) as { readonly Username?: string; readonly Secret?: string };
  if (Username === undefined || Secret === undefined) return undefined;
  return Username === IDENTITY_USER ? { kind: "identity", token: Secret } : { kind: "password", username: Username, password: Secret };
}

async function runHelper(helper: string, verb: "get" | "store" | "erase", input: string, env: NodeJS.ProcessEnv): Promise<string> {
  return await new Promise((resolve, reject) => {
    const child = execFile(`docker-credential-${helper}`, [verb], { env, timeout: 30_000 }, (error, stdout, stderr) => {
      if (error === null) resolve(stdout);
      else
        reject(
          new RegistryError(
            "CREDENTIALS_UNAVAILABLE",
            `Cannot ${verb} credentials with docker-credential-${helper}: ${(stdout + stderr).trim() || error.message}`,
            { cause: error },
          ),
        );
    });
    child.stdin?.on("error", () => {}); // a helper that does not read
    child.stdin?.end(input);
  });
}

async function readAuthFile(path: string): Promise<AuthFile | undefined> {
  try {
    return JSON.parse(await readFile(path, "utf8")) as AuthFile;
  } catch (cause) {
    if ((cause as NodeJS.ErrnoException).code === "ENOENT") return undefined;
    throw new RegistryError("CREDENTIALS_UNAVAILABLE", `Cannot read the authentication file ${path}`, { cause });
  }
}

/** Where a link leads, as docker does; and by one at a time, so that no login is lost. */
async function changeAuthFile(path: string, change: (now: AuthFile) => AuthFile): Promise<void> {
  const place = realPlace(path);
  makeFolders(dirname(place), 0o700);
  using _lock = await lockFolder(dirname(place), { patience: PATIENCE_MS });
  const changed = change((await readAuthFile(place)) ?? {});
  await sweepBeside(place);
  await using fresh = await FreshFile.open(place, statSync(place, { throwIfNoEntry: false }) ?? { mode: 0o600 });
  await fresh.handle.writeFile(`${JSON.stringify(changed, undefined, "\t")}\n`);
  await fresh.settle();
}
