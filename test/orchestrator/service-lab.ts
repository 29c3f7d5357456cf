/** Programs and manifests for the tests of services: servers that tell who they are, and clients that count what fails. */
import { get, Agent } from "node:http";
import { deploymentOf } from "./deployment-of.ts";

export const IMAGE = "local/tool:v1";
export const PROGRAMS = "sh,cat,echo,sleep,node,env,getent,hostname";

/** Tells its pod's name and the client's address; on TERM it lets go of its connections, as good servers do. */
export const WEB = `
const { createServer } = require("node:http");
let leaving = false;
const server = createServer((request, response) => {
  if (leaving) response.setHeader("connection", "close");
  response.end([process.env.VERSION ?? "", process.env.HOSTNAME ?? require("node:os").hostname(), request.socket.remoteAddress.replace("::ffff:", "")].join(" "));
});
server.keepAliveTimeout = 60_000;
process.on("SIGTERM", () => { leaving = true; setTimeout(() => server.close(() => process.exit(0)), 3000); });
server.listen(8080);
`;

/** Answers each datagram with its pod's name. */
export const DATAGRAMS = `
const socket = require("node:dgram").createSocket("udp4");
socket.on("message", (data, from) => socket.send(require("node:os").hostname() + " " + data, from.port, from.address));
socket.bind(5353);
process.on("SIGTERM", () => process.exit(0));
`;

/** 20 clients of $TARGET, half of them with connections that stay; GET :9000 ends them and tells what they saw. */
export const LOAD = `
const { get, createServer, Agent } = require("node:http");
const agents = [new Agent({ keepAlive: true, maxSockets: Infinity }), undefined];
const failures = []; const seen = {}; let polling = true;
const ask = (agent) => new Promise((resolve, reject) => {
  const request = get(process.env.TARGET, { agent: agent ?? false, timeout: 20_000 }, (response) => {
    let text = "";
    response.on("data", (chunk) => (text += chunk)).on("end", () => resolve(text)).on("error", reject);
  });
  request.on("error", reject).on("timeout", () => request.destroy(new Error("timeout")));
});
const client = async (agent) => {
  while (polling) {
    await ask(agent).then((text) => { const version = text.split(" ")[0]; seen[version] = (seen[version] ?? 0) + 1; }, (error) => failures.push(String(error)));
    await new Promise((resolve) => setTimeout(resolve, 30));
  }
};
const clients = Array.from({ length: 20 }, (_, index) => client(agents[index % 2]));
createServer(async (_, response) => { polling = false; await Promise.all(clients); response.end(JSON.stringify({ failures, seen })); }).listen(9000);
process.on("SIGTERM", () => process.exit(0));
`;

export interface Load {
  readonly failures: readonly string[];
  /** Requests by version. */
  readonly seen: Readonly<Record<string, number>>;
}

/** The same clients in this process; the returned function ends them. */
export function startLoad(url: string, clients = 20): () => Promise<Load> {
  const agent = new Agent({ keepAlive: true, maxSockets: Infinity });
  const failures: string[] = [];
  const seen: Record<string, number> = {};
  let polling = true;
  const client = async (keeps: boolean): Promise<void> => {
    while (polling) {
      await fetchText(url, keeps ? agent : undefined).then(
        (text) => {
          const [version = ""] = text.split(" ");
          seen[version] = (seen[version] ?? 0) + 1;
        },
        (error: unknown) => failures.push(String(error)),
      );
      await new Promise((resolve) => setTimeout(resolve, 30));
    }
  };
  const running = Array.from({ length: clients }, async (_, index) => await client(index % 2 === 0));
  return async () => {
    polling = false;
    await Promise.all(running);
    agent.destroy();
    return { failures, seen };
  };
}

/** One connection a request, unless an agent keeps them. */
export async function fetchText(url: string, agent?: Agent): Promise<string> {
  return await new Promise((resolve, reject) => {
    const request = get(url, { agent: agent ?? false, timeout: 20_000 }, (response) => {
      let text = "";
      response.on("data", (chunk: Buffer) => (text += chunk.toString()));
      response.on("end", () => resolve(text)).on("error", reject);
    });
    request.on("error", reject).on("timeout", () => request.destroy(new Error("timeout")));
  });
}

/** Else a busy machine leaves them nothing. */
const resources = { requests: { cpu: "50m" } };

export interface PodShape {
  readonly script?: string;
  readonly labels?: Readonly<Record<string, string>>;
  readonly env?: Readonly<Record<string, string>>;
  readonly spec?: object;
}

/** A pod of one container that runs a script, or sleeps. */
export function podOf(name: string, { script, labels = {}, env = {}, spec = {} }: PodShape = {}): object {
  const command = script === undefined ? ["sh", "-c", "trap 'exit 0' TERM; while :; do sleep 0.2; done"] : ["node", "-e", script];
  const variables = Object.entries(env).map(([key, value]) => ({ name: key, value }));
  const containers = [{ name: "main", image: IMAGE, command, env: variables, resources }];
  return { apiVersion: "v1", kind: "Pod", metadata: { name, labels }, spec: { terminationGracePeriodSeconds: 2, containers, ...spec } };
}

export function webOf(name: string, replicas: number, version = "v1", settings: object = {}): object {
  const container = {
    name: "web",
    image: IMAGE,
    command: ["node", "-e", WEB],
    env: [{ name: "VERSION", value: version }],
    ports: [{ name: "http", containerPort: 8080 }],
    readinessProbe: { tcpSocket: { port: "http" }, periodSeconds: 1 },
    resources,
  };
  return deploymentOf(name, replicas, { terminationGracePeriodSeconds: 30, containers: [container] }, settings);
}

export function serviceOf(name: string, spec: object): object {
  return { apiVersion: "v1", kind: "Service", metadata: { name }, spec };
}
