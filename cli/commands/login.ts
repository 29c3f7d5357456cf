/** strata login: checks the credentials with the registry, then keeps them where docker does. */
import { Command } from "commander";
import { saveLogin, type Login } from "../../registry/client/auth-files.ts";
import { ask } from "../ask.ts";
import type { Context } from "../context.ts";
import { EXIT, ExitError, UsageError } from "../errors.ts";
import { openRegistry } from "../registry/open-remote.ts";
import { addVerifyFlag, readRemoteFlags } from "../registry/remote-flags.ts";
import { loginHost } from "../registry/remote-name.ts";

interface Flags {
  readonly username?: string;
  readonly password?: string;
  readonly passwordStdin?: boolean;
  readonly insecure?: boolean;
  readonly tlsVerify?: boolean;
  readonly certDir?: string;
  readonly authfile?: string;
}

const MAX_PASSWORD_BYTES = 64 << 10;

export function command(context: Context): Command {
  const login = new Command()
    .description("Log in to a registry")
    .argument("[host]", "registry", "docker.io")
    .option("-u, --username <name>", "user name")
    .option("-p, --password <password>", "password (seen by others in the list of processes)")
    .option("--password-stdin", "read the password from standard input")
    .option("--insecure", "accept plain HTTP and untrusted certificates");
  return addVerifyFlag(login)
    .option("--cert-dir <folder>", "certificates: *.crt, *.cert and *.key, instead of certs.d")
    .option("--authfile <file>", "where the login is kept, instead of docker's file")
    .action(async (host: string, flags: Flags) => await run(context, loginHost(host, "log in to"), flags));
}

async function run(context: Context, host: string, flags: Flags): Promise<void> {
  if (flags.password !== undefined) context.stderr.write("WARNING! Using --password via the CLI is insecure. Use --password-stdin.\n");
  const login = await readLogin(context, host, flags);
  const { insecure, certificates } = readRemoteFlags({ insecure: flags.insecure, tlsVerify: flags.tlsVerify, certDir: flags.certDir });
  await using remote = await openRegistry(context, { insecure, certificates, login }, host);
  const answer = await remote.exchange({ method: "GET", path: "/v2/", scopes: [] });
  await answer.body.dump();
  const env = flags.authfile === undefined ? context.env : { ...context.env, REGISTRY_AUTH_FILE: flags.authfile };
  const where = await saveLogin(host, login, env);
  context.stderr.write(`Kept in ${where}\n`);
  context.stdout.write("Login Succeeded\n");
}

async function readLogin(context: Context, host: string, flags: Flags): Promise<Login> {
  if (flags.passwordStdin === true && flags.password !== undefined) throw new UsageError("--password and --password-stdin exclude each other");
  if (flags.passwordStdin === true && flags.username === undefined) throw new UsageError("--password-stdin needs --username");
  const username = given(flags.username ?? (await askFor(context, "user name")), host, "user name");
  const password = given(flags.passwordStdin === true ? await readStdin(context) : (flags.password ?? (await askFor(context, "password"))), host, "password");
  return { kind: "password", username, password };
}

/** @throws {ExitError} for nothing */
function given(text: string | undefined, host: string, what: string): string {
  if (text !== undefined && text !== "") return text;
  throw new ExitError(EXIT.refused, `Cannot log in to ${host}: no ${what} was given`);
}

async function readStdin({ stdin }: Context): Promise<string> {
  let text = "";
  for await (const chunk of stdin) {
    text += String(chunk);
    if (text.length > MAX_PASSWORD_BYTES) throw new UsageError("The password on standard input is too long");
  }
  return text.replace(/\r?\n$/, "");
}

async function askFor(context: Context, what: "user name" | "password"): Promise<string | undefined> {
  if (!context.stdin.isTTY) throw new UsageError(`Cannot ask for the ${what}: this is no terminal; give --username and --password-stdin`);
  return await ask(context, what === "password" ? "Password: " : "Username: ", what === "password");
}
