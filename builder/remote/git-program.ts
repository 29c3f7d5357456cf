/**
 * The machine's git, narrowed: no configuration but ours, no hooks, no questions, no protocols but those that fetch over a network.
 * Credentials go through the environment, where other users cannot read them.
 */
import { spawn } from "node:child_process";
import { BuilderError } from "../errors.ts";

const MAX_OUTPUT_BYTES = 16 << 20;
const MAX_MESSAGE_BYTES = 16 << 10;
/** Seconds without a byte a second. */
const SLOW_SECONDS = 60;
const KEPT = ["PATH", "HOME", "TMPDIR", "http_proxy", "https_proxy", "no_proxy", "all_proxy", "HTTP_PROXY", "HTTPS_PROXY", "NO_PROXY", "ALL_PROXY"];
const KEPT_TLS = ["GIT_SSL_CAINFO", "GIT_SSL_CAPATH", "SSL_CERT_FILE", "SSL_CERT_DIR", "CURL_CA_BUNDLE"];

const CONFIG: readonly (readonly [name: string, value: string])[] = [
  ["core.hooksPath", "/dev/null"],
  ["core.fsmonitor", "false"],
  ["core.autocrlf", "false"],
  ["core.logAllRefUpdates", "false"],
  ["credential.helper", ""],
  ["gc.auto", "0"],
  ["maintenance.auto", "false"],
  ["init.templateDir", ""],
  ["safe.directory", "*"],
  ["submodule.fetchJobs", "4"],
  ["http.lowSpeedLimit", "1"],
  ["http.lowSpeedTime", String(SLOW_SECONDS)],
];

export interface GitOptions {
  /** What is named when it fails: `fetch https://…`. */
  readonly doing: string;
  readonly cwd: string;
  /** Settings of this call alone: credentials, say. */
  readonly config?: readonly (readonly [name: string, value: string])[];
  readonly env?: Readonly<Record<string, string>>;
  readonly signal: AbortSignal | undefined;
}

/** Standard output. @throws {BuilderError} `GIT_FAILED` with what git said */
export async function git(args: readonly string[], options: GitOptions): Promise<string> {
  options.signal?.throwIfAborted();
  const { status, stdout, stderr } = await run(args, options);
  options.signal?.throwIfAborted();
  if (status === 0) return stdout;
  if (status === 127)
    throw new BuilderError("GIT_FAILED", `Cannot ${options.doing}: this machine has no git`, { hint: "Install it, on Debian by 'apt-get install git'" });
  throw new BuilderError("GIT_FAILED", `Cannot ${options.doing}: ${reasonOf(stderr, status)}`);
}

interface Ended {
  readonly status: number;
  readonly stdout: string;
  readonly stderr: string;
}

/** Through a shell only to set the umask: what is checked out has the same modes whoever builds. */
async function run(args: readonly string[], options: GitOptions): Promise<Ended> {
  return await new Promise((resolve, reject) => {
    const child = spawn("/bin/sh", ["-c", 'umask 022; exec git "$@"', "git", ...args], {
      cwd: options.cwd,
      env: environment(options),
      stdio: ["ignore", "pipe", "pipe"],
      detached: true, // a group of its own: git's helpers end with it
    });
    const end = (): void => {
      try {
        process.kill(-child.pid!, "SIGTERM");
      } catch {
        child.kill(); // it is gone, or it never was
      }
    };
    options.signal?.addEventListener("abort", end, { once: true });
    const stdout: Buffer[] = [];
    let stderr = "";
    let size = 0;
    child.stdout.on("data", (chunk: Buffer) => {
      if ((size += chunk.length) > MAX_OUTPUT_BYTES) end();
      else stdout.push(chunk);
    });
    child.stderr.on("data", (chunk: Buffer) => {
      stderr = (stderr + chunk.toString("utf8")).slice(-MAX_MESSAGE_BYTES);
    });
    child.once("error", reject);
    child.once("close", (status) => {
      options.signal?.removeEventListener("abort", end);
      resolve({ status: status ?? 1, stdout: Buffer.concat(stdout).toString("utf8"), stderr });
    });
  });
}

function environment({ config = [], env = {} }: GitOptions): Record<string, string> {
  const kept = [...KEPT, ...KEPT_TLS].flatMap((name) => (process.env[name] === undefined ? [] : [[name, process.env[name]] as const]));
  const settings = [...CONFIG, ...config];
  return {
    ...Object.fromEntries(kept),
    LC_ALL: "C",
    GIT_CONFIG_NOSYSTEM: "1",
    GIT_CONFIG_GLOBAL: "/dev/null",
    GIT_ATTR_NOSYSTEM: "1",
    GIT_TERMINAL_PROMPT: "0",
    GIT_ASKPASS: "/bin/false",
    GIT_ALLOW_PROTOCOL: "https:http:ssh:git",
    GIT_SSH_COMMAND: "/bin/false",
    GIT_CONFIG_COUNT: String(settings.length),
    ...Object.fromEntries(settings.flatMap(([name, value], at) => [[`GIT_CONFIG_KEY_${at}`, name] as const, [`GIT_CONFIG_VALUE_${at}`, value] as const])),
    ...env,
  };
}

/** The last thing that git complained of, in one line. */
function reasonOf(stderr: string, status: number): string {
  const lines = stderr.split(/[\r\n]+/).map((line) => line.trim());
  const told = lines
    .filter((line) => /^(?:fatal|error|remote|ssh|.*denied|.*verification failed)/i.test(line))
    .map((line) => line.replace(/^(?:fatal|error): /, ""));
  return (told.slice(-3).join("; ") || lines.findLast(Boolean)) ?? `git ended with ${status}`;
}
