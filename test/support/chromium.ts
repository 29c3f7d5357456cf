/** Chromium without a window, driven by its DevTools protocol over a pipe: it ends when the pipe does, however this process ends. */
import { spawn } from "node:child_process";
import { once } from "node:events";
import { rmSync } from "node:fs";
import type { Readable, Writable } from "node:stream";
import { temporaryFolder } from "./root.ts";

export interface BrowserTab {
  /** Resolves when the page and what belongs to it are loaded. */
  open(url: string): Promise<void>;
  /** Value of an expression in the page, which must be JSON-like; promises are awaited. */
  evaluate<Value>(expression: string): Promise<Value>;
  send(method: string, parameters?: object): Promise<Readonly<Record<string, unknown>>>;
  /** A PNG of the page from top to bottom. */
  screenshot(): Promise<Buffer>;
}

export interface TabOptions {
  readonly width?: number;
  readonly dark?: boolean;
  /** @default true */
  readonly script?: boolean;
  readonly headers?: Readonly<Record<string, string>>;
}

export interface Chromium extends AsyncDisposable {
  newTab(options?: TabOptions): Promise<BrowserTab>;
}

interface Message {
  readonly id?: number;
  readonly method?: string;
  readonly sessionId?: string;
  readonly result?: Readonly<Record<string, unknown>>;
  readonly error?: { readonly message: string };
}

const FLAGS = ["--headless=new", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage", "--no-first-run", "--disable-background-networking"];

export async function startChromium(): Promise<Chromium> {
  const folder = temporaryFolder();
  const args = [...FLAGS, "--remote-debugging-pipe", `--user-data-dir=${folder}`, "about:blank"];
  const child = spawn("chromium", args, { stdio: ["ignore", "ignore", "ignore", "pipe", "pipe"], env: { ...process.env, HOME: folder } });
  const ended = once(child, "exit");
  const pipe = openPipe(child.stdio[3] as Writable, child.stdio[4] as Readable);
  return {
    newTab: async (options = {}) => await newTab(pipe, options),
    async [Symbol.asyncDispose](): Promise<void> {
      await Promise.race([pipe.send("Browser.close").catch(() => undefined), ended]);
      const stuck = setTimeout(() => child.kill("SIGKILL"), 5_000);
      await ended;
      clearTimeout(stuck);
      rmSync(folder, { recursive: true, force: true, maxRetries: 10 });
    },
  };
}

interface Pipe {
  send(method: string, parameters?: object, sessionId?: string): Promise<Readonly<Record<string, unknown>>>;
  /** Resolves at the next event of that name. */
  event(method: string, sessionId: string): Promise<void>;
}

/** Messages are JSON, each ended by a zero byte. */
function openPipe(input: Writable, output: Readable): Pipe {
  const calls = new Map<number, (message: Message) => void>();
  const events = new Map<string, () => void>();
  let rest = "";
  let last = 0;
  output.setEncoding("utf8").on("data", (text: string) => {
    const parts = (rest + text).split("\0");
    rest = parts.pop() ?? "";
    for (const message of parts.map((part) => JSON.parse(part) as Message)) {
      if (message.id === undefined) events.get(`${message.sessionId} ${message.method}`)?.();
      else calls.get(message.id)?.(message);
      calls.delete(message.id ?? 0);
    }
  });
  output.on("error", () => undefined);
  input.on("error", () => undefined);
  return {
    send: async (method, params = {}, sessionId) =>
      await new Promise((resolve, reject) => {
        const id = ++last;
        calls.set(id, ({ result = {}, error }) => (error === undefined ? resolve(result) : reject(new Error(`${method}: ${error.message}`))));
        input.write(`${JSON.stringify({ id, method, params, ...(sessionId === undefined ? {} : { sessionId }) })}\0`);
      }),
    event: async (method, sessionId) => await new Promise((resolve) => events.set(`${sessionId} ${method}`, resolve)),
  };
}

async function newTab(pipe: Pipe, { width = 1100, dark = false, script = true, headers }: TabOptions): Promise<BrowserTab> {
  const { targetId } = await pipe.send("Target.createTarget", { url: "about:blank" });
  const { sessionId } = (await pipe.send("Target.attachToTarget", { targetId, flatten: true })) as { readonly sessionId: string };
  const send: BrowserTab["send"] = async (method, parameters) => await pipe.send(method, parameters, sessionId);
  await Promise.all(["Page.enable", "Runtime.enable", "Network.enable"].map(async (method) => await send(method)));
  await send("Emulation.setDeviceMetricsOverride", { width, height: 800, deviceScaleFactor: 1, mobile: width < 600 });
  await send("Emulation.setEmulatedMedia", { features: [{ name: "prefers-color-scheme", value: dark ? "dark" : "light" }] });
  await send("Emulation.setScriptExecutionDisabled", { value: !script });
  if (headers !== undefined) await send("Network.setExtraHTTPHeaders", { headers });
  return {
    send,
    async open(url): Promise<void> {
      const loaded = pipe.event("Page.loadEventFired", sessionId);
      await send("Page.navigate", { url });
      await loaded;
    },
    async evaluate<Value>(expression: string): Promise<Value> {
      const { result, exceptionDetails } = await send("Runtime.evaluate", { expression, returnByValue: true, awaitPromise: true, userGesture: true });
      if (exceptionDetails !== undefined) throw new Error(`${expression}: ${JSON.stringify(exceptionDetails)}`);
      return (result as { readonly value: Value }).value;
    },
    async screenshot(): Promise<Buffer> {
      const { data } = await send("Page.captureScreenshot", { format: "png", captureBeyondViewport: true });
      return Buffer.from(data as string, "base64");
    },
  };
}
