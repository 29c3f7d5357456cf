import { spawn, type ChildProcess } from "node:child_process";
import { createServer, connect, type AddressInfo, type Server, type Socket } from "node:net";
import { createHash, randomBytes } from "node:crypto";
import { once } from "node:events";
import { readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { PassThrough } from "node:stream";
import { Exec, KubeConfig, PortForward } from "@kubernetes/client-node";
import fc from "fast-check";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import type { PodLogOptions, PodProcess, PodStreams } from "../../orchestrator/cluster.ts";
import { controlFrame, dataFrames, FrameReader, numbers } from "../../orchestrator/stream/spdy-frame.ts";
import { spdyDictionary } from "../../orchestrator/stream/spdy-dictionary.ts";
import { parseSizes } from "../../orchestrator/stream/remote-terminal.ts";
import { kubectl as findKubectl } from "../support/kubectl.ts";
import { temporaryFolder } from "../support/root.ts";
import { testApi, type TestApi } from "./api-server.ts";

/** One that speaks SPDY for exec, one WebSocket; whichever are here. */
const versions = (
  await Promise.all(
    ["1.29", "1.30", "1.33"].map(
      async (version) =>
        await findKubectl(version).then(
          () => version,
          () => undefined,
        ),
    ),
  )
).filter((version) => version !== undefined);

let server: TestApi;
let echo: Server;
let folder: string;
const asked: PodLogOptions[] = [];
const executed: (readonly string[])[] = [];
const sizes: unknown[] = [];

/** Stands in for the node agent: the pod's programs are processes of this machine. */
const streams: PodStreams = {
  async *logs(_, options) {
    asked.push(options);
    yield Buffer.from("one\n");
    for (let line = 2; options.follow && line < 4; line++) {
      await new Promise((resolve) => setTimeout(resolve, 50));
      yield Buffer.from(`line ${line}\n`);
    }
  },
  exec: async (_, { command }) => {
    executed.push(command);
    return await processOf(spawn(command[0]!, command.slice(1)));
  },
  attach: async () => await processOf(spawn("cat")),
  dial: async (_, port) => {
    const socket = connect(port, "127.0.0.1");
    await once(socket, "connect");
    return socket;
  },
};

async function processOf(child: ChildProcess): Promise<PodProcess> {
  await once(child, "spawn");
  const exitCode = new Promise<number>((resolve) => child.once("close", (code) => resolve(code ?? 137)));
  const output = new PassThrough({ objectMode: true });
  for (const stream of ["stdout", "stderr"] as const) {
    child[stream]!.on("data", (data: Buffer) => {
      if (!output.write({ stream, data })) {
        child[stream]!.pause();
        output.once("drain", () => child[stream]!.resume());
      }
    });
  }
  void exitCode.then(() => output.end());
  child.stdin!.on("error", () => {});
  return {
    output,
    exitCode,
    write: async (data) => {
      if (!child.stdin!.write(data)) await once(child.stdin!, "drain");
    },
    closeStdin: () => void child.stdin!.end(),
    resize: (size) => void sizes.push(size),
    [Symbol.asyncDispose]: async () => {
      child.kill("SIGKILL");
      await exitCode;
    },
  };
}

beforeAll(async () => {
  folder = temporaryFolder();
  server = await testApi();
  server.api.setStreams(streams);
  const pods = "/api/v1/namespaces/default/pods";
  await server.call("POST", pods, {
    body: {
      metadata: { name: "p" },
      spec: {
        nodeName: "n",
        containers: [
          { name: "c", image: "x" },
          { name: "d", image: "x" },
        ],
      },
    },
  });
  const state = { running: { startedAt: "2030-01-01T00:00:00Z" } };
  const statuses = ["c", "d"].map((name) => ({ name, image: "x", imageID: "x", ready: true, restartCount: 0, state }));
  await server.call("PATCH", `${pods}/p/status`, {
    body: { status: { phase: "Running", containerStatuses: statuses } },
    headers: { "content-type": "application/merge-patch+json" },
  });
  echo = createServer({ allowHalfOpen: true }, (socket) => void socket.pipe(socket).on("error", () => {}));
  await new Promise<void>((resolve) => echo.listen(0, "127.0.0.1", resolve));
});

afterAll(async () => {
  expect(server.bugs).toEqual([]);
  echo.close();
  await server[Symbol.asyncDispose]();
  rmSync(folder, { recursive: true });
});

describe("SPDY frames", () => {
  test("come back whole from pieces of any size", () => {
    const data = [...dataFrames(1, Buffer.from("hello"), false), ...dataFrames(3, randomBytes(100_000), true), controlFrame(6, numbers(7))];
    const all = Buffer.concat(data);
    fc.assert(
      fc.property(fc.array(fc.integer({ min: 1, max: 70_000 }), { maxLength: 20 }), (cuts) => {
        const reader = new FrameReader();
        const frames = [];
        let start = 0;
        for (const cut of [...cuts, all.length]) {
          frames.push(...reader.push(all.subarray(start, start + cut)));
          start += cut;
        }
        const bytes = frames.map((frame) => (frame.kind === "data" ? frame.data.length : frame.payload.length));
        expect([frames.length, bytes.reduce((sum, size) => sum + size, 0), frames.at(-1)?.kind]).toEqual([4, 100_009, "control"]);
        expect(frames.filter((frame) => frame.kind === "data" && frame.fin)).toHaveLength(1);
      }),
      { numRuns: 50 },
    );
  });

  test("headers start from the dictionary of the specification", () => {
    expect([spdyDictionary.length, createHash("sha256").update(spdyDictionary).digest("hex").slice(0, 16)]).toEqual([1423, "51d27341373f923f"]);
  });

  test("terminal sizes are read from any pieces", async () => {
    async function* pieces(): AsyncGenerator<Uint8Array> {
      for (const piece of ['{"Width":80,"Hei', 'ght":24}{"Width":', '1,"Height":2}', "{}", '{"Width":0,"Height":0}']) yield Buffer.from(piece);
    }
    const found = [];
    for await (const size of parseSizes(pieces())) found.push(size);
    expect(found).toEqual([
      { width: 80, height: 24 },
      { width: 1, height: 2 },
    ]);
  });
});

describe("logs", () => {
  const path = "/api/v1/namespaces/default/pods/p/log";

  test("come with every option that was asked for", async () => {
    const { body } = await server.call("GET", `${path}?container=d&follow=true&timestamps=true&tailLines=3&sinceSeconds=60&limitBytes=100`);
    expect(body).toBe("one\nline 2\nline 3\n");
    expect(asked.at(-1)).toMatchObject({ container: "d", follow: true, previous: false, timestamps: true, tailLines: 3, sinceSeconds: 60, limitBytes: 100 });
  });

  const refused = [
    ["several containers and no name", path, 400, "a container name must be specified for pod p, choose one of: [c d]"],
    ["a container that is not there", `${path}?container=x`, 400, "container x is not valid for pod p"],
    ["a container that has not ended before", `${path}?container=c&previous=true`, 400, 'previous terminated container "c" in pod "p" not found'],
    ["a pod that is not there", "/api/v1/namespaces/default/pods/none/log", 404, 'pods "none" not found'],
  ] as const;
  test.each(refused)("are refused for %s", async (_, asking, status, message) => {
    const answer = await server.call("GET", asking);
    expect([answer.status, answer.body.message]).toEqual([status, message]);
  });

  test("of a container that still waits say what for", async () => {
    await server.call("POST", "/api/v1/namespaces/default/pods", {
      body: { metadata: { name: "waits" }, spec: { nodeName: "n", containers: [{ name: "c", image: "x" }] } },
    });
    expect((await server.call("GET", "/api/v1/namespaces/default/pods/waits/log")).body.message).toBe(
      'container "c" in pod "waits" is waiting to start: ContainerCreating',
    );
  });
});

describe.each(versions)("kubectl %s", (version) => {
  const run = async (args: readonly string[], input?: string): ReturnType<TestApi["kubectl"]> => await server.kubectl(version, args, input);

  test("executes: both outputs, and the exit status", async () => {
    const { code, stdout, stderr } = await run(["exec", "p", "-c", "c", "--", "sh", "-c", "echo out; echo err >&2; exit 3"]);
    expect([code, stdout, stderr]).toEqual([3, "out\n", "err\ncommand terminated with exit code 3\n"]);
  });

  test("feeds standard input and closes it", async () => {
    const { code, stdout } = await run(["exec", "-i", "p", "-c", "c", "--", "sh", "-c", "wc -c; echo done"], "x".repeat(3_000_000));
    expect([code, stdout.trim().split(/\s+/)]).toEqual([0, ["3000000", "done"]]);
  });

  test("attaches", async () => expect((await run(["attach", "-i", "p", "-c", "c"], "hello\n")).stdout).toBe("hello\n"));

  test("copies files both ways", async () => {
    const [there, back, original] = [join(folder, `there-${version}`), join(folder, `back-${version}`), join(folder, `original-${version}`)];
    writeFileSync(original, randomBytes(5_000_000));
    expect((await run(["cp", original, `p:${there}`, "-c", "c"])).code).toBe(0);
    expect((await run(["cp", `p:${there}`, back, "-c", "c"])).code).toBe(0);
    expect(readFileSync(back).equals(readFileSync(original))).toBe(true);
  });

  test("says why it cannot", async () => {
    expect((await run(["exec", "p", "-c", "c", "--", "/no/such/program"])).code).not.toBe(0);
    expect((await run(["exec", "none", "--", "true"])).stderr).toContain('pods "none" not found');
  });

  test("forwards ports, many connections at once", async () => {
    await using forward = await forwarded(version, (echo.address() as AddressInfo).port);
    const payloads = Array.from({ length: 8 }, (_, index) => randomBytes(100_000 * (index + 1)));
    const echoed = await Promise.all(payloads.map(async (payload) => await roundTrip(forward.port, payload)));
    expect(echoed.map((bytes, index) => bytes.equals(payloads[index]!))).toEqual(payloads.map(() => true));
  });
});

async function forwarded(version: string, port: number): Promise<AsyncDisposable & { readonly port: number }> {
  const child = spawn(await findKubectl(version), ["port-forward", "pod/p", `:${port}`, "--address", "127.0.0.1"], {
    env: { ...process.env, KUBECONFIG: server.kubeconfig, HOME: folder },
    stdio: ["ignore", "pipe", "inherit"],
  });
  const ended = once(child, "close");
  let said = "";
  child.stdout.on("data", (data) => (said += String(data)));
  return {
    port: await eventually(() => Number(/Forwarding from 127\.0\.0\.1:(\d+)/.exec(said)?.[1]) || undefined),
    [Symbol.asyncDispose]: async () => {
      child.kill();
      await ended;
    },
  };
}

async function roundTrip(port: number, payload: Buffer): Promise<Buffer> {
  const socket: Socket = connect({ port, host: "127.0.0.1", allowHalfOpen: true });
  socket.end(payload);
  const chunks: Buffer[] = [];
  for await (const chunk of socket) chunks.push(chunk as Buffer);
  return Buffer.concat(chunks);
}

describe("client-node", () => {
  const config = (): KubeConfig => {
    const made = new KubeConfig();
    made.loadFromFile(server.kubeconfig);
    return made;
  };

  test("executes over a WebSocket", async () => {
    const stdout = new PassThrough();
    const status = new Promise<unknown>((resolve, reject) => {
      new Exec(config()).exec("default", "p", "c", ["sh", "-c", "echo hi; exit 4"], stdout, null, null, false, resolve).catch(reject);
    });
    expect(await status).toMatchObject({ status: "Failure", reason: "NonZeroExitCode", details: { causes: [{ reason: "ExitCode", message: "4" }] } });
    expect(String(stdout.read())).toBe("hi\n");
  });

  test("forwards a port over channels", async () => {
    const { port } = echo.address() as AddressInfo;
    const [input, output] = [new PassThrough(), new PassThrough()];
    const websocket: any = await new PortForward(config()).portForward("default", "p", [port], output, null, input);
    input.write("ping");
    const [data] = (await once(output, "data")) as [Buffer];
    expect(String(data)).toBe("ping");
    (typeof websocket === "function" ? websocket() : websocket).close();
  });
});

test("a client that leaves ends its process", async () => {
  const marker = join(folder, "left");
  const child = spawn(await findKubectl(versions[0]), ["exec", "-i", "p", "-c", "c", "--", "sh", "-c", `echo $$ > ${marker}; exec sleep 1000`], {
    env: { ...process.env, KUBECONFIG: server.kubeconfig, HOME: folder },
    stdio: ["pipe", "ignore", "ignore"],
  });
  const pid = await eventually(() => Number(readFileSync(marker, "utf8")) || undefined);
  child.kill("SIGKILL");
  await eventually(() => {
    try {
      process.kill(pid, 0);
      return undefined;
    } catch {
      return true;
    }
  });
});

test("closing ends what clients are still connected to", async () => {
  await using own = await testApi();
  own.api.setStreams(streams);
  await own.call("POST", "/api/v1/namespaces/default/pods", {
    body: { metadata: { name: "p" }, spec: { nodeName: "n", containers: [{ name: "c", image: "x" }] } },
  });
  const watching = own.watch("/api/v1/pods?watch=1").next();
  const executing = own.kubectl(versions[0], ["exec", "p", "--", "sleep", "1000"]);
  await watching;
  await eventually(() => executed.find(([, argument]) => argument === "1000"));
  await own.api.close();
  const { code, stderr } = await executing;
  expect([code, stderr.trim()]).toEqual([1, "error: the server is shutting down"]);
});

async function eventually<T>(check: () => T | undefined): Promise<T> {
  for (const deadline = Date.now() + 60_000; ; await new Promise((resolve) => setTimeout(resolve, 20))) {
    try {
      const found = check();
      if (found !== undefined) return found;
    } catch (error) {
      if (Date.now() > deadline) throw error;
    }
    if (Date.now() > deadline) throw new Error("it did not come to be");
  }
}
