import { once } from "node:events";
import { connect, createServer, type AddressInfo, type Server, type Socket } from "node:net";
import { describe, expect, test } from "vitest";
import type { KubeObject } from "../../orchestrator/cluster.ts";
import { planSlices } from "../../orchestrator/controllers/endpoints/plan.ts";
import { forward } from "../../orchestrator/proxy/forward.ts";
import { meta, pod, type PodOptions } from "./objects.ts";

function service(spec: object = {}): KubeObject {
  return {
    apiVersion: "v1",
    kind: "Service",
    metadata: meta("web"),
    spec: { selector: { app: "web" }, ports: [{ port: 80, targetPort: 8080, protocol: "TCP" }], ...spec },
  };
}

function addressed(name: string, ip: string | undefined, options: PodOptions = {}, port = 8080): KubeObject {
  const made = pod(name, { spec: { containers: [{ name: "main", ports: [{ name: "http", containerPort: port }] }] }, ...options });
  return ip === undefined ? made : { ...made, status: { ...made.status, podIP: ip } };
}

const ready = addressed("a", "10.0.0.1");
const unready = addressed("b", "10.0.0.2", { ready: false });
const leaving = addressed("c", "10.0.0.3", { deleting: true });
const others = [addressed("d", undefined), addressed("e", "10.0.0.5", { phase: "Failed" }), addressed("f", "10.0.0.6", { labels: { app: "db" } })];

describe("endpoints of a service", () => {
  test("are its pods that have an address and have not ended, with their conditions", () => {
    const [slice, ...rest] = planSlices(service(), [ready, unready, leaving, ...others]);
    expect(rest).toEqual([]);
    expect(slice?.ports).toEqual([{ name: "", port: 8080, protocol: "TCP" }]);
    expect(slice?.endpoints.map(({ addresses, conditions }) => [addresses[0], conditions.ready, conditions.serving, conditions.terminating])).toEqual([
      ["10.0.0.1", true, true, false],
      ["10.0.0.2", false, false, false],
      ["10.0.0.3", false, true, true],
    ]);
  });

  test("with a port by name have a slice for each number that the name stands for", () => {
    const slices = planSlices(service({ ports: [{ name: "web", port: 80, targetPort: "http" }] }), [ready, addressed("g", "10.0.0.7", {}, 9090)]);
    expect(slices.map(({ ports, endpoints }) => [ports[0]?.port, endpoints.length])).toEqual([
      [8080, 1],
      [9090, 1],
    ]);
  });

  test("are at most a hundred in a slice", () => {
    const many = Array.from({ length: 250 }, (_, index) => addressed(`p${index}`, `10.0.1.${index}`));
    expect(planSlices(service(), many).map(({ endpoints }) => endpoints.length)).toEqual([100, 100, 50]);
  });

  test("of a service without selector are left to its user", () => {
    expect(planSlices(service({ selector: undefined }), [ready])).toEqual([]);
  });
});

describe("a forwarded connection", () => {
  async function listen(handle: (socket: Socket) => void): Promise<Server & AsyncDisposable> {
    const server = createServer({ allowHalfOpen: true }, handle).listen(0, "127.0.0.1");
    await once(server, "listening");
    return Object.assign(server, { [Symbol.asyncDispose]: async () => void server.close() });
  }
  const portOf = (server: Server): number => (server.address() as AddressInfo).port;

  async function through(backends: readonly number[]): Promise<Server & AsyncDisposable> {
    return await listen(
      (client) => void forward(client, (tried) => backends.map((port) => ({ host: "127.0.0.1", port })).find(({ port }) => !tried.has(`127.0.0.1:${port}`))),
    );
  }

  async function talk(port: number, text: string): Promise<string> {
    const socket = connect({ host: "127.0.0.1", port, allowHalfOpen: true });
    socket.end(text);
    let answer = "";
    for await (const chunk of socket) answer += String(chunk);
    return answer;
  }

  async function deadPort(): Promise<number> {
    await using server = await listen(() => {});
    return portOf(server);
  }

  test("passes bytes both ways, and the end of one side alone", async () => {
    await using echo = await listen((socket) => void socket.pipe(socket));
    await using proxy = await through([portOf(echo)]);
    const text = "x".repeat(1 << 20);
    expect(await talk(portOf(proxy), text)).toBe(text);
  });

  test("goes to the next backend when one does not answer", async () => {
    await using echo = await listen((socket) => void socket.pipe(socket));
    await using proxy = await through([await deadPort(), portOf(echo)]);
    expect(await talk(portOf(proxy), "hello")).toBe("hello");
  });

  test("is reset when nobody answers", async () => {
    await using proxy = await through([await deadPort()]);
    await expect(talk(portOf(proxy), "hello")).rejects.toThrow(/ECONNRESET|EPIPE/);
  });
});
