/** Reading a bounded container's files from outside: a small process has them mounted for itself, and is gone with us whatever ends us. */
import { spawn } from "node:child_process";
import { once } from "node:events";
import { join } from "node:path";
import type { ActiveSnapshot } from "../../store/store.ts";
import { RuntimeError } from "../errors.ts";

/** `upper` as it is seen from here until this is disposed of. @throws {RuntimeError} `LAUNCH_FAILED` */
export async function showDisk(helper: string, { image, target }: NonNullable<ActiveSnapshot["disk"]>): Promise<AsyncDisposable & { readonly upper: string }> {
  const child = spawn(helper, ["show", image, target], { stdio: ["pipe", "pipe", "pipe"] });
  const said: Buffer[] = [];
  child.stderr.on("data", (chunk: Buffer) => said.push(chunk));
  child.stdin.on("error", () => {}); /* it has ended before us */
  const ended = new Promise<string>((resolve) => {
    child.once("error", ({ message }) => resolve(message));
    child.once("close", () => resolve(Buffer.concat(said).toString().trim()));
  });
  const [word] = (await Promise.race([once(child.stdout, "data"), ended.then((text) => [text])])) as [Buffer | string];
  if (typeof word === "string") throw new RuntimeError("LAUNCH_FAILED", `Cannot read the disk ${image}: ${word}`);
  return {
    upper: join("/proc", String(child.pid), "cwd", "fs"),
    async [Symbol.asyncDispose](): Promise<void> {
      child.stdin.end();
      await ended;
    },
  };
}
