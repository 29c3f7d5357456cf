/** An API server of its own for a test: requests over TLS as the administrator, and kubectl with a fresh home. */
import { execFile } from "node:child_process";
import { mkdirSync, writeFileSync } from "node:fs";
import { request, type IncomingMessage } from "node:http";
import { request as secureRequest } from "node:https";
import { join } from "node:path";
import { text } from "node:stream/consumers";
import { promisify } from "node:util";
import { afterAll, expect } from "vitest";
import { parse } from "yaml";
import { openApi, type ApiOptions, type OpenedApi } from "../../orchestrator/open-api.ts";
import { kubectl as findKubectl } from "../support/kubectl.ts";
import { openedForAll } from "../support/opened.ts";
import { temporaryRoot } from "../support/root.ts";

export interface Answer {
  readonly status: number;
  readonly headers: IncomingMessage["headers"];
  readonly body: any;
}

export interface Ran {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

export interface TestApi extends AsyncDisposable {
  readonly api: OpenedApi;
  readonly root: string;
  readonly kubeconfig: string;
  /** Bugs that the server met. */
  readonly bugs: unknown[];
  /** `credentials: false` comes as nobody. */
  call(
    method: string,
    path: string,
    options?: { readonly body?: unknown; readonly headers?: Record<string, string>; readonly credentials?: boolean },
  ): Promise<Answer>;
  /** Events of a watch as they come; ends when the server ends it or the loop is left. */
  watch(path: string, headers?: Record<string, string>): AsyncGenerator<any>;
  kubectl(version: string | undefined, args: readonly string[], input?: string): Promise<Ran>;
}

export async function testApi(options: Partial<ApiOptions> = {}): Promise<TestApi> {
  const place = temporaryRoot();
  const bugs: unknown[] = [];
  const api = await openApi({ root: place.root, listen: { host: "127.0.0.1", port: 0 }, onBug: (error) => bugs.push(error), ...options });
  const [home, kubeconfig] = [join(place.runRoot, "home"), join(place.runRoot, "kubeconfig")];
  mkdirSync(home);
  writeFileSync(kubeconfig, api.kubeconfig(), { mode: 0o600 });
  const open = opener(api);
  return {
    api,
    root: place.root,
    kubeconfig,
    bugs,
    call: async (method, path, { body, headers = {}, credentials = true } = {}) => {
      const response = await open(
        method,
        path,
        { "content-type": "application/json", ...headers },
        typeof body === "string" || body === undefined ? body : JSON.stringify(body),
        credentials,
      );
      const content = await text(response);
      return {
        status: response.statusCode ?? 0,
        headers: response.headers,
        body: /json/.test(response.headers["content-type"] ?? "") ? JSON.parse(content) : content,
      };
    },
    watch: async function* (path, headers = {}): AsyncGenerator<any> {
      const response = await open("GET", path, headers);
      let rest = "";
      for await (const chunk of response) {
        const lines = (rest + String(chunk)).split("\n");
        rest = lines.pop()!;
        for (const line of lines) yield JSON.parse(line);
      }
    },
    kubectl: async (version, args, input) => await runKubectl(await findKubectl(version), args, { ...process.env, HOME: home, KUBECONFIG: kubeconfig }, input),
    [Symbol.asyncDispose]: async () => {
      await api.close();
      place[Symbol.dispose]();
    },
  };
}

/** One for the tests of a file, none of which may meet a bug in it. */
export function apiOfFile(options: Partial<ApiOptions> = {}): TestApi {
  const server = openedForAll(async () => await testApi(options));
  afterAll(() => expect(server.bugs).toEqual([])); // before it is closed: the last hook runs first
  return server;
}

type Open = (method: string, path: string, headers: Record<string, string>, body?: string, credentials?: boolean) => Promise<IncomingMessage>;

function opener(api: OpenedApi): Open {
  const config: any = parse(api.kubeconfig());
  const pem = (data: string): string => Buffer.from(data, "base64").toString();
  const ca = pem(config.clusters[0].cluster["certificate-authority-data"]);
  const user = config.users[0].user;
  const identity = { cert: pem(user["client-certificate-data"]), key: pem(user["client-key-data"]) };
  return async (method, path, headers, body, credentials = true) =>
    await new Promise((resolve, reject) => {
      const sending: ReturnType<typeof request> = secureRequest(
        `${api.url}${path}`,
        {
          method,
          headers: { ...headers, ...(body !== undefined && { "content-length": String(Buffer.byteLength(body)) }) },
          ca,
          agent: false,
          ...(credentials && identity),
        },
        resolve,
      );
      sending.on("error", reject);
      sending.end(body);
    });
}

const execute = promisify(execFile);
const KUBECTL_MS = 200_000;

async function runKubectl(program: string, args: readonly string[], env: NodeJS.ProcessEnv, input = ""): Promise<Ran> {
  const running = execute(program, args, { env, timeout: KUBECTL_MS, maxBuffer: 2 ** 28 });
  running.child.stdin?.end(input);
  try {
    return { code: 0, ...(await running) };
  } catch (error) {
    const { code, stdout, stderr } = error as { readonly code?: number; readonly stdout: string; readonly stderr: string };
    return { code: code ?? -1, stdout, stderr };
  }
}
