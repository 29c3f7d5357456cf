/** strata login: checks the credentials with the registry, then keeps them where docker does. */
import { createInterface } from "node:readline/promises";
import { Writable } from "node:stream";
import { Command } from "commander";
import { saveLogin, type Login } from "../../registry/client/auth-files.ts";
import { openRemote } from "../../registry/client/remote.ts";
import type { Context } from "../context.ts";
import { UsageError } from "../errors.ts";
import { readRemoteFlags } from "../registry/remote-flags.ts";

interface Flags {
  readonly username?: string;
  readonly password?: string;
  readonly passwordStdin?: boolean;
  readonly insecure?: boolean;
  readonly tlsVerify?: string | boolean;
  readonly certDir?: string;
  readonly authfile?: string;
}

const MAX_PASSWORD_BYTES = 64 << 10;

export function command(context: Context): Command {
  return new Command()
    .description("Log in to a registry")
    .argument("[host]", "registry", "docker.io")
    .option("-u, --username <name>", "user name")
    .option("-p, --password <password>", "password (seen by others in the list of processes)")
    .option("--password-stdin", "read the password from standard input")
    .option("--insecure", "accept plain HTTP and untrusted certificates")
    .option("--tls-verify [bool]", "false accepts plain HTTP and untrusted certificates")
    .option("--cert-dir <folder>", "certificates: *.crt, *.cert and *.key, instead of certs.d")
    .option("--authfile <file>", "where the login is kept, instead of docker's file")
    .action(async (host: string, flags: Flags) => await run(context, host, flags));
}

async function run(context: Context, host: string, flags: Flags): Promise<void> {
  const login = await readLogin(context, flags);
  const { insecure = false, certificates } = readRemoteFlags({ insecure: flags.insecure, tlsVerify: flags.tlsVerify, certDir: flags.certDir });
  await using remote = await openRemote(host, { insecure, env: context.env, login, certificates, signal: context.signal });
  const answer = await remote.exchange({ method: "GET", path: "/v2/", scopes: [] });
  await answer.body.dump();
  const env = flags.authfile === undefined ? context.env : { ...context.env, REGISTRY_AUTH_FILE: flags.authfile };
  const where = await saveLogin(host, login, env);
  context.stderr.write(`Kept in ${where}\n`);
  context.stdout.write("Login Succeeded\n");
}

async function readLogin(context: Context, flags: Flags): Promise<Login> {
  if (flags.passwordStdin === true && flags.password !== undefined) throw new UsageError("--password and --password-stdin exclude each other");
  if (flags.passwordStdin === true && flags.username === undefined) throw new UsageError("--password-stdin needs --username");
  const username = flags.username ?? (await ask(context, "Username: ", true));
  const password = flags.passwordStdin === true ? await readStdin(context) : (flags.password ?? (await ask(context, "Password: ", false)));
  if (username === "" || password === "") throw new UsageError("User name and password must not be empty");
  return { kind: "password", username, password };
}

async function readStdin({ stdin }: Context): Promise<string> {
  let text = "";
  for await (const chunk of stdin) {
    text += String(chunk);
    if (text.length > MAX_PASSWORD_BYTES) throw new UsageError("The password on standard input is too long");
  }
  return text.replace(/\r?\n$/, "");
}

async function ask({ stdin, stderr, signal }: Context, question: string, echo: boolean): Promise<string> {
  if (!stdin.isTTY) throw new UsageError(`Cannot ask for the ${echo ? "user name" : "password"}: this is no terminal; give --username and --password-stdin`);
  stderr.write(question);
  const output = echo ? stderr : new Writable({ write: (_chunk, _encoding, done) => done() });
  const terminal = createInterface({ input: stdin, output, terminal: true });
  const answer = await terminal.question("", { signal }).finally(() => terminal.close());
  if (!echo) stderr.write("\n");
  return answer;
}
