/**
 * RUN --mount=type=ssh: a socket for the step behind which an agent answers: the user's own, or one that holds the keys given
 * and ends with the step. Keys never come into the step.
 */
import { spawn, type ChildProcess } from "node:child_process";
import * as fs from "node:fs";
import { connect, createServer, type Server } from "node:net";
import { BuilderError } from "../errors.ts";
import type { RunMount } from "../executor.ts";
import type { MountPlan, SshPlan } from "../plan/graph.ts";
import type { SshSource } from "../request.ts";
import type { RunFolder } from "./run-folder.ts";
import type { SolveScope } from "./scope.ts";

export interface AgentSockets extends AsyncDisposable {
  readonly mounts: readonly RunMount[];
  readonly env: readonly string[];
}

/** @throws {BuilderError} `SSH_UNKNOWN` */
export async function openAgentSockets(plans: readonly MountPlan[], folder: RunFolder, scope: SolveScope): Promise<AgentSockets> {
  const closers: (() => Promise<void>)[] = [];
  const close = async (): Promise<void> => {
    for (const closer of closers.reverse()) await closer();
  };
  try {
    const agents = plans.filter((plan) => plan.kind === "ssh").map((plan, index) => ({ plan, target: plan.target ?? `/run/buildkit/ssh_agent.${index}` }));
    const mounts: RunMount[] = [];
    for (const [index, { plan, target }] of agents.entries()) {
      const source = scope.request.ssh?.get(plan.id);
      if (source === undefined && plan.required) throw unknown(plan.id);
      if (source === undefined) continue;
      const agent = source.kind === "socket" ? source.path : await startAgent(source, folder.path(`agent-${index}`), closers);
      mounts.push({ kind: "bind", source: await forward(agent, plan, folder.path(`ssh-${index}`), closers), target, readOnly: false });
    }
    const first = agents[0]?.target;
    return { mounts, env: first === undefined ? [] : [`SSH_AUTH_SOCK=${first}`], [Symbol.asyncDispose]: close };
  } catch (error) {
    await close();
    throw error;
  }
}

function unknown(id: string): BuilderError {
  return new BuilderError("SSH_UNKNOWN", `Cannot mount ssh agent ${id}: it was not given`, {
    hint: id === "default" ? "Give it by --ssh default" : `Give it by --ssh ${id}=SOCKET or --ssh ${id}=KEY`,
  });
}

/** A socket of the step's own, with the owner and mode that its mount asks for; each connection is passed on. */
async function forward(agent: string, { uid, gid, mode }: SshPlan, path: string, closers: (() => Promise<void>)[]): Promise<string> {
  const server = createServer((inner) => {
    const outer = connect(agent);
    inner.pipe(outer).pipe(inner);
    for (const [one, other] of [
      [inner, outer],
      [outer, inner],
    ] as const)
      one.on("error", () => other.destroy()).on("close", () => other.destroy());
  });
  await listen(server, path);
  closers.push(async () => {
    const closed = new Promise<void>((resolve) => server.close(() => resolve()));
    await closed;
  });
  fs.chownSync(path, uid, gid);
  fs.chmodSync(path, mode);
  return path;
}

async function listen(server: Server, path: string): Promise<void> {
  await new Promise<void>((resolve, reject) => {
    server.once("error", reject).listen(path, () => resolve());
  });
}

/** The agent and the shell that waits for our end: when this process is gone, however it went, so are they. */
const SCRIPT = `
ssh-agent -D -a "$1" >/dev/null & agent=$!
trap 'kill $agent; wait $agent' EXIT
n=0; until [ -S "$1" ]; do n=$((n + 1)); [ $n -lt 500 ] || exit 1; sleep 0.02; done
SSH_AUTH_SOCK=$1; export SSH_AUTH_SOCK; shift
ssh-add -q -- "$@" </dev/null || exit 1
echo ready
cat >/dev/null
`;

async function startAgent(source: Extract<SshSource, { kind: "keys" }>, path: string, closers: (() => Promise<void>)[]): Promise<string> {
  const env = { PATH: process.env["PATH"] ?? "", SSH_ASKPASS_REQUIRE: "never" };
  const shell = spawn("sh", ["-c", SCRIPT, "sh", path, ...source.paths], { stdio: ["pipe", "pipe", "pipe"], detached: true, env }); // detached: no terminal to ask for a passphrase
  const ended = new Promise<void>((resolve) => shell.once("close", () => resolve()));
  closers.push(async () => {
    shell.stdin.end();
    await ended;
  });
  const said = await firstWords(shell, ended);
  if (said.out.startsWith("ready")) return path;
  throw new BuilderError("SSH_UNKNOWN", `Cannot give ssh keys ${source.paths.join(", ")} to a step: ${said.err.trim() || "ssh-agent did not start"}`, {
    hint: "The keys must be readable and without passphrase; for others start an agent and give its socket",
  });
}

async function firstWords(shell: ChildProcess, ended: Promise<void>): Promise<{ readonly out: string; readonly err: string }> {
  let [out, err] = ["", ""];
  shell.stderr?.on("data", (data: Buffer) => (err += data.toString()));
  const spoken = new Promise<void>((resolve) => shell.stdout?.on("data", (data: Buffer) => ((out += data.toString()), resolve())));
  await Promise.race([spoken, ended]);
  return { out, err };
}
