/** OpenStack Swift with its S3 API, on loopback and a folder of its own: the real S3 service that the bucket is tested against. */
import { spawn } from "node:child_process";
import { once } from "node:events";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";
import { openExchange } from "../../registry/s3/exchange.ts";
import { parseLocation, type BucketLocation } from "../../registry/s3/location.ts";
import { temporaryRoot } from "./root.ts";

export interface Swift extends AsyncDisposable {
  readonly port: number;
  /** Keys and nothing else. */
  readonly env: NodeJS.ProcessEnv;
  /** Of a bucket that is there, with a prefix of its own at each call. */
  readonly location: (through?: number) => string;
}

const SCRIPT = fileURLToPath(new URL("swift-server.py", import.meta.url));
const BUCKET = "registry";
const KEYS = { accessKeyId: "test:tester", secretAccessKey: "testing", sessionToken: undefined };

/** `conditions`: `If-None-Match` of a write counts, as on S3; else it is refused, as older services do. */
export async function startSwift({ conditions = false }: { readonly conditions?: boolean } = {}): Promise<Swift> {
  const root = temporaryRoot();
  // Debian's own python: the packages are its
  const more = conditions ? ["conditions"] : [];
  const child = spawn("/usr/bin/python3", ["-B", SCRIPT, root.root, KEYS.accessKeyId, KEYS.secretAccessKey, ...more], { stdio: ["pipe", "pipe", "pipe"] });
  const ended = once(child, "exit");
  const lines: string[] = [];
  const port = await new Promise<number>((resolve, reject) => {
    const read = (line: string): void => {
      lines.push(line);
      const ready = /^ready on (\d+)$/.exec(line)?.[1];
      if (ready !== undefined) resolve(Number(ready));
    };
    createInterface(child.stdout).on("line", read);
    createInterface(child.stderr).on("line", read);
    child.once("exit", (code) => {
      reject(new Error(`swift ended with ${code}:\n${lines.join("\n")}`));
    });
  });
  const service = `s3://${BUCKET}?endpoint=${encodeURIComponent(`http://127.0.0.1:${port}`)}`;
  await makeBucket(parseLocation(service, {}));
  let prefixes = 0;
  return {
    port,
    env: { AWS_ACCESS_KEY_ID: KEYS.accessKeyId, AWS_SECRET_ACCESS_KEY: KEYS.secretAccessKey },
    location(through = port): string {
      prefixes += 1;
      return `s3://${BUCKET}/test/${prefixes}?endpoint=${encodeURIComponent(`http://127.0.0.1:${through}`)}&region=us-east-1`;
    },
    async [Symbol.asyncDispose](): Promise<void> {
      child.kill("SIGKILL");
      await ended;
      root[Symbol.dispose]();
    },
  };
}

async function makeBucket(location: BucketLocation): Promise<void> {
  const credentials = async (): Promise<typeof KEYS> => await Promise.resolve(KEYS);
  await using exchange = openExchange({ location: { ...location, region: "us-east-1" }, credentials, idleMs: 30_000, attempts: 5, firstRetryMs: 200 });
  await (await exchange.send({ method: "PUT", what: "make the bucket" })).body.dump();
}
