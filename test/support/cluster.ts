/** A cluster of one test file: `strata up` on a throw-away root, and the kubectl that talks to it. */
import { execFile, spawn } from "node:child_process";
import { mkdirSync } from "node:fs";
import { join } from "node:path";
import { parseArgs, promisify } from "node:util";
import { objectsIn } from "../../orchestrator/client/answer.ts";
import { openKubeClient } from "../../orchestrator/client/kube-client.ts";
import { pathOf, resourceByWord } from "../../orchestrator/client/paths.ts";
import { serveStrata, strataOutput, type Server } from "./cli.ts";
import { kubectl as findKubectl } from "./kubectl.ts";
import { leftovers } from "./leftovers.ts";
import { temporaryRoot, type TemporaryRoot } from "./root.ts";

const run = promisify(execFile);
/** Arguments of the control plane under test; its node is called `here`. */
export const UP: readonly string[] = ["up", "--listen", "127.0.0.1:0", "--node-name", "here"];

const GET_FLAGS = {
  namespace: { type: "string", short: "n" },
  selector: { type: "string", short: "l" },
  "field-selector": { type: "string" },
  "all-namespaces": { type: "boolean", short: "A" },
} as const;

export interface Kubectl {
  /** Standard output, trimmed. Rejects with kubectl's words and its `code` when it ends with another status than 0. */
  (...args: readonly string[]): Promise<string>;
}

export class TestCluster implements AsyncDisposable {
  readonly root: TemporaryRoot;
  /** The process of the control plane. */
  server: Server;
  readonly #program: string;
  readonly #home: string;
  readonly #flags: readonly string[];

  private constructor(root: TemporaryRoot, server: Server, program: string, home: string, flags: readonly string[]) {
    this.root = root;
    this.server = server;
    this.#program = program;
    this.#home = home;
    this.#flags = flags;
  }

  /** `prepare` makes the images, before the control plane starts with `flags`. */
  static async start(prepare: (root: TemporaryRoot) => Promise<void> = async () => {}, flags: readonly string[] = []): Promise<TestCluster> {
    const root = temporaryRoot();
    const home = join(root.root, "..", "home");
    mkdirSync(home);
    await prepare(root);
    return new TestCluster(root, await serveStrata(root, [...UP, ...flags], /^ready$/), await findKubectl(), home, flags);
  }

  get environment(): NodeJS.ProcessEnv {
    return { ...process.env, HOME: this.#home, KUBECONFIG: join(this.root.root, "cluster/kubeconfig") };
  }

  readonly kubectl: Kubectl = async (...args) => {
    const { stdout } = await run(this.#program, args, { env: this.environment, timeout: 300_000, maxBuffer: 16 << 20 });
    return stdout.trim();
  };

  /** kubectl with standard input; resolves whatever its status is. */
  async feed(input: string, ...args: readonly string[]): Promise<{ readonly status: number | null; readonly stdout: string; readonly stderr: string }> {
    const child = spawn(this.#program, args, { env: this.environment, stdio: ["pipe", "pipe", "pipe"] });
    let [stdout, stderr] = ["", ""];
    child.stdout.on("data", (chunk: Buffer) => (stdout += chunk.toString()));
    child.stderr.on("data", (chunk: Buffer) => (stderr += chunk.toString()));
    child.stdin.on("error", () => {}); // it may end before it has read all of it
    child.stdin.end(input);
    const status = await new Promise<number | null>((resolve) => child.once("close", resolve));
    return { status, stdout, stderr };
  }

  /** Manifests as YAML text or as objects. @throws with kubectl's words when one is refused */
  async apply(...manifests: readonly (string | object)[]): Promise<string> {
    const documents = manifests.map((manifest) => (typeof manifest === "string" ? manifest : JSON.stringify(manifest)));
    const { status, stdout, stderr } = await this.feed(documents.join("\n---\n"), "apply", "-f", "-");
    if (status !== 0) throw new Error(`kubectl apply ended with ${status}:\n${stderr}${stdout}`);
    return stdout.trim();
  }

  /** The object as it is now, or a list of them: what `kubectl get -o json` prints, without its start, which polls would spend most of their time on. */
  async get(...args: readonly string[]): Promise<any> {
    const { values, positionals } = parseArgs({ args: [...args], options: GET_FLAGS, allowPositionals: true });
    const [word = "", name] = positionals;
    const path = pathOf(resourceByWord(word), values["all-namespaces"] === true ? undefined : (values.namespace ?? "default"), name);
    const query = new URLSearchParams();
    if (values.selector !== undefined) query.set("labelSelector", values.selector);
    if (values["field-selector"] !== undefined) query.set("fieldSelector", values["field-selector"]);
    using client = openKubeClient(this.environment["KUBECONFIG"] ?? "");
    if (name !== undefined) return await client.get({ path });
    return { items: objectsIn(await client.list({ path: `${path}?${query.toString()}` })) };
  }

  /** Pods that match, without those that are being deleted. */
  async pods(selector: string): Promise<readonly any[]> {
    const { items } = await this.get("pods", "-l", selector);
    return items.filter((pod: any) => pod.metadata.deletionTimestamp === undefined);
  }

  /** Ends the control plane with `signal`, unless it has ended, leaving its containers; and starts it again. */
  async restart(signal: "SIGTERM" | "SIGKILL" = "SIGTERM"): Promise<void> {
    const { process: before } = this.server;
    const ended = new Promise((resolve) => before.once("exit", resolve));
    if (before.exitCode === null && before.signalCode === null) {
      before.kill(signal);
      await ended;
    }
    this.server = await serveStrata(this.root, [...UP, ...this.#flags], /^ready$/);
  }

  /** Takes all down. @throws when something of the root is left on the machine */
  async [Symbol.asyncDispose](): Promise<void> {
    await strataOutput(this.root, "down");
    await this.server[Symbol.asyncDispose]();
    const containers = await strataOutput(this.root, "ps", "-aq");
    const found = await settled(() => leftovers(this.root)); /* monitors still tell of what they ended */
    this.root[Symbol.dispose]();
    if (containers !== "" || found.length > 0) throw new Error(`left behind: ${[containers, ...found].join("\n")}`);
  }
}

const SETTLE_MS = 60_000;

/** What is still found when it had time to go. */
export async function settled(find: () => readonly string[]): Promise<readonly string[]> {
  for (const deadline = Date.now() + SETTLE_MS; ; await new Promise((resolve) => setTimeout(resolve, 100))) {
    const found = find();
    if (found.length === 0 || Date.now() > deadline) return found;
  }
}

/** Runs `check` until it does not throw, `patience` milliseconds at most. A check that starts programs leaves the processors to what it waits for. */
export async function eventually<T>(check: () => Promise<T>, patience = 60_000): Promise<T> {
  for (const deadline = Date.now() + patience; ;) {
    const started = Date.now();
    try {
      return await check();
    } catch (error) {
      if (Date.now() > deadline) throw error;
    }
    await new Promise((resolve) => setTimeout(resolve, Math.max(100, 2 * (Date.now() - started))));
  }
}
