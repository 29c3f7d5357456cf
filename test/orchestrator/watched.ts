import { spawn, type ChildProcess } from "node:child_process";
import { createInterface } from "node:readline";

/** Every state that `kubectl get --watch` shows of one kind, until it is disposed. */
export class Watched implements AsyncDisposable {
  readonly rows: string[][] = [];
  readonly #process: ChildProcess;

  constructor(program: string, env: NodeJS.ProcessEnv, kind: string, selector: string, columns: Readonly<Record<string, string>>) {
    const format = ["TYPE:.type", ...Object.entries(columns).map(([name, path]) => `${name}:.object${path}`)];
    const args = ["get", kind, "-l", selector, "--watch", "--no-headers", "--output-watch-events", "-o", `custom-columns=${format.join(",")}`];
    this.#process = spawn(program, args, { env, stdio: ["ignore", "pipe", "inherit"] });
    createInterface(this.#process.stdout!).on("line", (line) => this.rows.push(line.trim().split(/\s+/)));
  }

  async [Symbol.asyncDispose](): Promise<void> {
    const ended = new Promise((resolve) => this.#process.once("exit", resolve));
    this.#process.kill("SIGTERM");
    await ended;
  }
}
