/** How git reaches one host: credentials for https, keys for ssh. */
import { mkdirSync } from "node:fs";
import { homedir } from "node:os";
import { join } from "node:path";
import { BuilderError } from "../errors.ts";
import { basicAuthorization, gitAuthorization } from "./auth.ts";
import type { GitOptions } from "./git-program.ts";
import type { GitReference } from "./git-url.ts";
import type { RemoteScope } from "./scope.ts";

type Access = Pick<GitOptions, "config" | "env">;

/** @throws {BuilderError} `GIT_FAILED` when ssh is needed and was not allowed */
export function gitAccess(reference: GitReference, scope: RemoteScope): Access {
  if (reference.protocol === "ssh" && scope.ssh === "none") {
    throw new BuilderError("GIT_FAILED", `Cannot fetch ${reference.remote}: this build was given no ssh keys`, { hint: "Give it your agent by --ssh default" });
  }
  return { config: credentials(reference, scope), env: { GIT_SSH_COMMAND: sshCommand(scope), ...agentOf(scope) } };
}

/** Only for this very host: a submodule elsewhere does not get them. */
function credentials({ protocol, host, login }: GitReference, { secrets }: RemoteScope): NonNullable<Access["config"]> {
  if (protocol !== "https" && protocol !== "http") return [];
  const header = login === undefined ? gitAuthorization(secrets, host) : basicAuthorization(login.user, login.password);
  return header === undefined ? [] : [[`http.${protocol}://${host}/.extraheader`, `Authorization: ${header}`]];
}

function agentOf({ ssh }: RemoteScope): Readonly<Record<string, string>> {
  const given = typeof ssh === "object" && ssh.kind === "socket" ? ssh.path : undefined;
  const socket = ssh === "own" ? process.env["SSH_AUTH_SOCK"] : given;
  return socket === undefined ? {} : { SSH_AUTH_SOCK: socket };
}

/** A host that was never met is trusted the first time, as BuildKit does, and from then on only with the same key. What was given is used alone: no configuration or keys of the user's besides. */
function sshCommand({ ssh, root }: RemoteScope): string {
  if (ssh === "none") return "/bin/false";
  const folder = join(root, "builder", "git");
  mkdirSync(folder, { recursive: true });
  const home = process.env["HOME"] ?? homedir();
  const hosts = [join(folder, "known_hosts"), join(home, ".ssh/known_hosts"), "/etc/ssh/ssh_known_hosts"].map((path) => path.replaceAll(" ", "\\ ")).join(" ");
  const options = ["BatchMode=yes", "StrictHostKeyChecking=accept-new", `UserKnownHostsFile=${hosts}`, "ConnectTimeout=30", "ServerAliveInterval=15"];
  const keys = ssh !== "own" && ssh.kind === "keys" ? ssh.paths.flatMap((path) => ["-i", path]) : ["-o", "IdentityFile=none"];
  const alone = ssh === "own" ? [] : ["-F", "/dev/null", ...keys];
  return ["ssh", ...alone, ...options.flatMap((option) => ["-o", option])].map(quote).join(" ");
}

function quote(word: string): string {
  return /^[\w=/.:-]+$/.test(word) ? word : `'${word.replaceAll("'", "'\\''")}'`;
}
