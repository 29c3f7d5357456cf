/** ADD of http and https: mode 0600, time of Last-Modified, name from the URL's path. Spec: Dockerfile reference, "ADD". */
import { createHash } from "node:crypto";
import { createWriteStream, mkdirSync } from "node:fs";
import { join, posix } from "node:path";
import { pipeline } from "node:stream/promises";
import { request } from "undici";
import { ownedName } from "../../store/owner.ts";
import type { Source } from "../context/tree.ts";
import { BuilderError } from "../errors.ts";

const FILE_MODE = 0o600;
const MAX_REDIRECTS = 10;

export interface DownloadOptions {
  readonly folder: string;
  readonly checksum: string | undefined;
  readonly signal: AbortSignal;
}

/** @throws {BuilderError} `DOWNLOAD_FAILED` */
export async function download(url: string, options: DownloadOptions): Promise<{ readonly source: Source; readonly digest: string }> {
  try {
    return await fetchFile(url, options);
  } catch (error) {
    if (options.signal.aborted || error instanceof BuilderError) throw error;
    throw new BuilderError("DOWNLOAD_FAILED", `Cannot download ${url}: ${error instanceof Error ? error.message : String(error)}`, { cause: error });
  }
}

async function fetchFile(url: string, options: DownloadOptions): Promise<{ readonly source: Source; readonly digest: string }> {
  const { body, headers, final } = await follow(url, options.signal);
  const folder = join(options.folder, ownedName());
  mkdirSync(folder, { recursive: true, mode: 0o700 });
  const file = join(folder, "download");
  const hash = createHash("sha256");
  let size = 0;
  await pipeline(
    body,
    async function* (chunks: AsyncIterable<Buffer>) {
      for await (const chunk of chunks) {
        hash.update(chunk);
        size += chunk.length;
        yield chunk;
      }
    },
    createWriteStream(file, { mode: FILE_MODE }),
    { signal: options.signal },
  );
  const digest = hash.digest("hex");
  if (options.checksum !== undefined && options.checksum !== `sha256:${digest}`) {
    throw new BuilderError("DOWNLOAD_FAILED", `Cannot use ${url}: its digest is sha256:${digest}, expected ${options.checksum}`);
  }
  const header = headers["last-modified"];
  const modified = Date.parse(typeof header === "string" ? header : "");
  const mtime = Number.isNaN(modified) ? 0 : Math.floor(modified / 1000);
  return { digest, source: { path: fileName(url, final), entries: [{ path: "", type: "file", mode: FILE_MODE, uid: 0, gid: 0, mtime, size, file }] } };
}

async function follow(
  start: string,
  signal: AbortSignal,
): Promise<{ readonly body: AsyncIterable<Buffer>; readonly headers: Readonly<Record<string, unknown>>; readonly final: string }> {
  let url = start;
  for (let hops = 0; hops <= MAX_REDIRECTS; hops++) {
    const { statusCode, headers, body } = await request(url, { signal });
    const { location } = headers;
    if (statusCode === 200) return { body, headers, final: url };
    await body.dump();
    if (![301, 302, 303, 307, 308].includes(statusCode) || typeof location !== "string")
      throw new BuilderError("DOWNLOAD_FAILED", `Cannot download ${start}: the server answered ${statusCode}`);
    url = new URL(location, url).href;
  }
  throw new BuilderError("DOWNLOAD_FAILED", `Cannot download ${start}: more than ${MAX_REDIRECTS} redirects`);
}

function fileName(url: string, final: string): string {
  const name = [url, final].map((text) => decodeURIComponent(posix.basename(new URL(text).pathname))).find((text) => text !== "");
  if (name === undefined || name === "." || name === "..")
    throw new BuilderError("DOWNLOAD_FAILED", `Cannot tell a file name from ${url}`, { hint: "End the destination with a file name" });
  return name;
}
