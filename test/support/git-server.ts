/** Real git repositories on loopback: `git http-backend` behind an HTTP server. */
import { execFileSync, spawn } from "node:child_process";
import type { IncomingMessage, ServerResponse } from "node:http";
import { mkdirSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { serveHttp, type HttpServer } from "./http-server.ts";

export interface GitServer extends HttpServer {
  /** Makes a bare repository and answers with its URL. */
  create(name: string): string;
  /** Commits these files on a branch (made when it is new) and answers with the commit. */
  commit(name: string, files: Readonly<Record<string, string>>, branch?: string): string;
  /** Any git command in the repository. */
  git(name: string, ...args: readonly string[]): string;
}

const ENV = {
  ...process.env,
  GIT_CONFIG_GLOBAL: "/dev/null",
  GIT_CONFIG_NOSYSTEM: "1",
  GIT_AUTHOR_NAME: "t",
  GIT_AUTHOR_EMAIL: "t@example.com",
  GIT_COMMITTER_NAME: "t",
  GIT_COMMITTER_EMAIL: "t@example.com",
  GIT_AUTHOR_DATE: "2001-02-03T04:05:06Z",
  GIT_COMMITTER_DATE: "2001-02-03T04:05:06Z",
};

/** `allow` answers false for requests that are refused with 401. */
export async function serveGit(folder: string, allow: (request: IncomingMessage) => boolean = () => true): Promise<GitServer> {
  const http = await serveHttp((request, response) => {
    if (allow(request)) backend(folder, request, response);
    else response.writeHead(401, { "www-authenticate": "Basic" }).end();
  });
  const run = (cwd: string, ...args: readonly string[]): string =>
    execFileSync("git", args, { cwd, env: ENV, encoding: "utf8", stdio: ["ignore", "pipe", "pipe"], timeout: 120_000 }).trim();
  const work = (name: string): string => join(folder, "work", name);
  return {
    ...http,
    create(name) {
      const bare = join(folder, `${name}.git`);
      mkdirSync(work(name), { recursive: true });
      run(folder, "init", "--quiet", "--bare", "--initial-branch=main", bare);
      run(work(name), "init", "--quiet", "--initial-branch=main");
      return `${http.base}/${name}.git`;
    },
    commit(name, files, branch = "main") {
      run(work(name), "checkout", "--quiet", "-B", branch);
      for (const [path, text] of Object.entries(files)) {
        mkdirSync(dirname(join(work(name), path)), { recursive: true });
        writeFileSync(join(work(name), path), text);
      }
      run(work(name), "add", "--all");
      run(work(name), "commit", "--quiet", "--allow-empty", "--message", "m");
      run(work(name), "push", "--quiet", "--force", join(folder, `${name}.git`), branch);
      return run(work(name), "rev-parse", "HEAD");
    },
    git: (name, ...args) => run(work(name), ...args),
  };
}

/** CGI, as far as git speaks it. */
function backend(folder: string, request: IncomingMessage, response: ServerResponse): void {
  const url = new URL(request.url ?? "/", "http://localhost");
  const child = spawn("git", ["http-backend"], {
    env: {
      ...ENV,
      GIT_PROJECT_ROOT: folder,
      GIT_HTTP_EXPORT_ALL: "1",
      GIT_PROTOCOL: String(request.headers["git-protocol"] ?? ""),
      REQUEST_METHOD: request.method,
      PATH_INFO: url.pathname,
      QUERY_STRING: url.search.slice(1),
      CONTENT_TYPE: request.headers["content-type"] ?? "",
      HTTP_CONTENT_ENCODING: request.headers["content-encoding"] ?? "",
      REMOTE_ADDR: "127.0.0.1",
    },
    stdio: ["pipe", "pipe", "ignore"],
  });
  request.pipe(child.stdin).on("error", () => undefined);
  const chunks: Buffer[] = [];
  child.stdout.on("data", (chunk: Buffer) => chunks.push(chunk));
  child.on("close", () => {
    const all = Buffer.concat(chunks);
    const end = all.indexOf("\r\n\r\n");
    const headers = Object.fromEntries(
      all
        .toString("latin1", 0, end)
        .split("\r\n")
        .map((line) => line.split(/:\s*/, 2) as [string, string]),
    );
    response.writeHead(Number.parseInt(headers["Status"] ?? "200", 10), headers).end(all.subarray(end + 4));
  });
}
