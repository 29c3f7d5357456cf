/** Services as pods and this machine's programs meet them: real kubectl, real containers, real packets. */
import { execFileSync } from "node:child_process";
import { createSocket } from "node:dgram";
import { existsSync, readFileSync } from "node:fs";
import { Agent } from "node:http";
import { networkInterfaces } from "node:os";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { rootTag } from "../../runtime/engine/identity.ts";
import { serveStrata, strataOutput } from "../support/cli.ts";
import { eventually, TestCluster, UP } from "../support/cluster.ts";
import { DATAGRAMS, fetchText, IMAGE, LOAD, podOf, PROGRAMS, serviceOf, startLoad, WEB, webOf, type Load } from "./service-lab.ts";

let cluster: TestCluster;
const kubectl = async (...args: readonly string[]): Promise<string> => await cluster.kubectl(...args);
const inPod = async (pod: string, script: string): Promise<string> => await kubectl("exec", pod, "--", "sh", "-c", script);
const fetchIn = async (pod: string, url: string): Promise<string> =>
  await kubectl(
    "exec",
    pod,
    "--",
    "node",
    "-e",
    `fetch(${JSON.stringify(url)}, { signal: AbortSignal.timeout(60_000) }).then((r) => r.text()).then(console.log, (e) => console.log(e.cause?.code ?? e.name))`,
  );
const addressOf = async (service: string): Promise<string> => await kubectl("get", "service", service, "-o", "jsonpath={.spec.clusterIP}");

beforeAll(async () => {
  cluster = await TestCluster.start(async (fresh) => void (await strataOutput(fresh, "base", "create", IMAGE, "--bin", PROGRAMS)));
  await cluster.apply(
    webOf("web", 2),
    serviceOf("web", { type: "NodePort", selector: { app: "web" }, ports: [{ name: "http", port: 80, targetPort: "http" }] }),
    podOf("tool"),
  );
  await kubectl("rollout", "status", "deployment/web", "--timeout=120s");
  await kubectl("wait", "--for=condition=Ready", "pod/tool", "--timeout=120s");
}, 300_000);

afterAll(async () => await cluster[Symbol.asyncDispose](), 120_000);

describe("a ClusterIP", { timeout: 300_000 }, () => {
  test("brings pods and this machine's programs to every ready pod", async () => {
    const address = await addressOf("web");
    const names = (await cluster.pods("app=web")).map((pod) => String(pod.metadata.name)).toSorted();
    const seen = new Set<string>();
    await eventually(async () => {
      seen.add((await fetchText(`http://${address}`)).split(" ")[1] ?? "");
      expect([...seen].toSorted()).toEqual(names);
    });
    expect(names).toContain((await fetchIn("tool", `http://${address}`)).split(" ")[1]);
    expect(names).toContain((await fetchIn("tool", "http://web")).split(" ")[1]);
  });

  test("keeps the client's address where the kernel lets it", async () => {
    const bridged = execFileSync("sh", ["-c", "cat /proc/sys/net/bridge/bridge-nf-call-iptables 2>/dev/null || echo 0"], { encoding: "utf8" }).trim();
    const own = (await cluster.get("pod", "tool")).status.podIP;
    const [, , seen] = (await fetchIn("tool", "http://web")).split(" ");
    if (bridged === "1") expect(seen).toBe(own);
    else expect(seen).not.toBe(own);
  });

  test("brings a pod to itself", async () => {
    await cluster.apply(webOf("lonely", 1), serviceOf("lonely", { selector: { app: "lonely" }, ports: [{ port: 80, targetPort: "http" }] }));
    await kubectl("rollout", "status", "deployment/lonely", "--timeout=120s");
    const [pod] = await cluster.pods("app=lonely");
    await eventually(async () => expect(await fetchIn(pod.metadata.name, "http://lonely")).toContain(pod.metadata.name));
    await kubectl("delete", "deployment,service", "lonely");
  });

  test("without endpoints refuses at once", async () => {
    await cluster.apply(serviceOf("nobody", { selector: { app: "nobody" }, ports: [{ port: 80 }] }));
    const address = await addressOf("nobody");
    await eventually(async () => expect(await fetchIn("tool", `http://${address}`)).toBe("ECONNREFUSED"));
    await eventually(async () => await expect(fetchText(`http://${address}`)).rejects.toThrow("ECONNREFUSED"));
    await kubectl("delete", "service", "nobody");
  });

  test("with session affinity keeps a client at its pod, also when others come and rules are replaced", async () => {
    await cluster.apply(serviceOf("sticky", { selector: { app: "web" }, sessionAffinity: "ClientIP", ports: [{ port: 80, targetPort: "http" }] }));
    const many = `Promise.all(Array.from({ length: 8 }, () => fetch("http://sticky", { headers: { connection: "close" } }).then((r) => r.text()))).then((all) => console.log(new Set(all.map((text) => text.split(" ")[1])).size, all[0].split(" ")[1]))`;
    const ask = async (): Promise<string> => await kubectl("exec", "tool", "--", "node", "-e", many);
    const before = await eventually(async () => {
      const said = await ask();
      expect(said).toMatch(/^1 web-/);
      return said;
    });
    await kubectl("scale", "deployment/web", "--replicas=3");
    await kubectl("rollout", "status", "deployment/web", "--timeout=120s");
    expect(await ask()).toBe(before);
    await kubectl("scale", "deployment/web", "--replicas=2");
    await eventually(async () => expect(await cluster.pods("app=web")).toHaveLength(2)); // the next tests ask one that stays
    await kubectl("delete", "service", "sticky");
  });

  test("carries datagrams, and moves a client when its pod goes", async () => {
    const labels = { app: "datagrams" };
    await cluster.apply(
      podOf("one", { script: DATAGRAMS, labels }),
      serviceOf("datagrams", { selector: labels, ports: [{ port: 53, targetPort: 5353, protocol: "UDP" }] }),
    );
    await kubectl("wait", "--for=condition=Ready", "pod/one", "--timeout=120s");
    const address = await addressOf("datagrams");
    const socket = createSocket("udp4");
    let last = "";
    socket.on("message", (data) => (last = data.toString()));
    socket.on("error", () => {});
    const ask = (): void => socket.send("hello", 53, address);
    try {
      await eventually(async () => {
        ask();
        expect(last).toBe("one hello");
      });
      await cluster.apply(podOf("two", { script: DATAGRAMS, labels }));
      await kubectl("wait", "--for=condition=Ready", "pod/two", "--timeout=120s");
      await kubectl("delete", "pod", "one");
      await eventually(async () => {
        ask();
        expect(last).toBe("two hello");
      });
    } finally {
      socket.close();
    }
    await kubectl("delete", "pod/two", "service/datagrams");
  });

  test("forgets the connections of a pod that is gone, whose client never heard of its end", async () => {
    const labels = { app: "brief" };
    await cluster.apply(podOf("brief", { script: WEB, labels }), serviceOf("brief", { selector: labels, ports: [{ port: 80, targetPort: 8080 }] }));
    await kubectl("wait", "--for=condition=Ready", "pod/brief", "--timeout=120s");
    const [address, own] = [await addressOf("brief"), (await cluster.get("pod", "brief")).status.podIP];
    const tracked = (): boolean =>
      readFileSync("/proc/net/nf_conntrack", "latin1")
        .split("\n")
        .some((line) => line.includes(` dst=${address} `) && line.includes(` src=${own} `));
    const agent = new Agent({ keepAlive: true });
    await eventually(async () => expect(await fetchText(`http://${address}`, agent)).toContain("brief"));
    expect(tracked()).toBe(true);
    await kubectl("delete", "pod", "brief", "--grace-period=0", "--force");
    await eventually(async () => expect(tracked()).toBe(false));
    agent.destroy();
    await kubectl("delete", "service", "brief");
  });

  test("is served while the control plane is gone", async () => {
    const address = await addressOf("web");
    const server = cluster.server.process;
    const ended = new Promise((resolve) => server.once("exit", resolve));
    server.kill("SIGKILL");
    await ended;
    expect(await fetchText(`http://${address}`)).toMatch(/^v1 web-/);
    cluster.server = await serveStrata(cluster.root, UP, /^ready$/);
    expect(await addressOf("web")).toBe(address);
    await eventually(async () => expect(await fetchIn("tool", "http://web.default.svc.cluster.local")).toMatch(/^v1 web-/));
  });
});

const hasIPv6 = networkInterfaces()["lo"]?.some(({ address }) => address === "::1") === true;

describe("a NodePort", { timeout: 300_000 }, () => {
  test("is reached on loopback and at the node's address, from pods too", async () => {
    const port = await kubectl("get", "service", "web", "-o", "jsonpath={.spec.ports[0].nodePort}");
    const address = await kubectl("get", "node", "here", "-o", "jsonpath={.status.addresses[0].address}");
    expect(Object.values(networkInterfaces()).flatMap((all) => (all ?? []).map((one) => one.address))).toContain(address);
    await eventually(async () => expect(await fetchText(`http://127.0.0.1:${port}`)).toMatch(/^v1 web-/));
    await eventually(async () => expect(await fetchText(`http://${address}:${port}`)).toMatch(/^v1 web-/));
    if (hasIPv6) await eventually(async () => expect(await fetchText(`http://[::1]:${port}`)).toMatch(/^v1 web-/));
    await eventually(async () => expect(await fetchIn("tool", `http://${address}:${port}`)).toMatch(/^v1 web-/));
  });
});

describe("a service without selector", { timeout: 300_000 }, () => {
  test("goes where its user's Endpoints say, which are mirrored", async () => {
    const [pod] = await cluster.pods("app=web");
    await cluster.apply(serviceOf("mine", { ports: [{ port: 80 }] }), {
      apiVersion: "v1",
      kind: "Endpoints",
      metadata: { name: "mine" },
      subsets: [{ addresses: [{ ip: pod.status.podIP }], ports: [{ port: 8080 }] }],
    });
    await eventually(async () => {
      const { items } = await cluster.get("endpointslices", "-l", "kubernetes.io/service-name=mine");
      expect(items.map((slice: any) => slice.metadata.labels["endpointslice.kubernetes.io/managed-by"])).toEqual(["endpointslicemirroring-controller.k8s.io"]);
    });
    await eventually(async () => expect(await fetchIn("tool", "http://mine")).toContain(pod.metadata.name));
    await kubectl("delete", "service,endpoints", "mine");
    await eventually(async () => expect(await kubectl("get", "endpointslices", "-l", "kubernetes.io/service-name=mine", "-o", "name")).toBe(""));
  });

  test("goes where its user's EndpointSlice says", async () => {
    const [pod] = await cluster.pods("app=web");
    await cluster.apply(serviceOf("ours", { ports: [{ port: 80 }] }), {
      apiVersion: "discovery.k8s.io/v1",
      kind: "EndpointSlice",
      metadata: { name: "ours-1", labels: { "kubernetes.io/service-name": "ours" } },
      addressType: "IPv4",
      ports: [{ port: 8080 }],
      endpoints: [{ addresses: [pod.status.podIP] }],
    });
    await eventually(async () => expect(await fetchIn("tool", "http://ours")).toContain(pod.metadata.name));
    await kubectl("delete", "service/ours", "endpointslice/ours-1");
  });
});

describe("pods of services", { timeout: 300_000 }, () => {
  test("are listed in Endpoints and slices, with their host names", async () => {
    await cluster.apply(
      serviceOf("named", { clusterIP: "None", selector: { app: "named" }, ports: [{ name: "http", port: 80 }] }),
      podOf("n-0", { labels: { app: "named" }, spec: { hostname: "zero", subdomain: "named" } }),
    );
    await kubectl("wait", "--for=condition=Ready", "pod/n-0", "--timeout=120s");
    await eventually(async () => {
      expect((await cluster.get("endpoints", "named")).subsets[0].addresses[0]).toMatchObject({ hostname: "zero", targetRef: { name: "n-0" } });
      const { items } = await cluster.get("endpointslices", "-l", "kubernetes.io/service-name=named");
      expect(items[0].endpoints[0]).toMatchObject({ hostname: "zero", conditions: { ready: true, serving: true, terminating: false } });
    });
    const own = (await cluster.get("pod", "n-0")).status.podIP;
    await eventually(async () => expect(await inPod("tool", "getent hosts zero.named")).toContain(own)); // the names follow the slices
    expect(await inPod("n-0", "hostname; hostname -f; getent hosts zero.named")).toMatch(/^zero\nzero\.named\.default\.svc\.cluster\.local\n/);
    expect(await inPod("n-0", "cat /etc/hosts")).toMatch(new RegExp(`${own}\\s+zero\\.named\\.default\\.svc\\.cluster\\.local\\s+zero`));
    await kubectl("delete", "pod/n-0", "service/named");
  });

  test("have variables for the services that were there before them, unless they do without", async () => {
    await cluster.apply(podOf("links"), podOf("plain", { spec: { enableServiceLinks: false } }));
    await kubectl("wait", "--for=condition=Ready", "pod/links", "pod/plain", "--timeout=120s");
    const address = await addressOf("web");
    const api = await addressOf("kubernetes");
    const variables = (await inPod("links", "env")).split("\n");
    expect(variables).toEqual(
      expect.arrayContaining([
        `WEB_SERVICE_HOST=${address}`,
        "WEB_SERVICE_PORT=80",
        "WEB_SERVICE_PORT_HTTP=80",
        `WEB_PORT=tcp://${address}:80`,
        `WEB_PORT_80_TCP=tcp://${address}:80`,
        "WEB_PORT_80_TCP_PROTO=tcp",
        "WEB_PORT_80_TCP_PORT=80",
        `WEB_PORT_80_TCP_ADDR=${address}`,
        `KUBERNETES_SERVICE_HOST=${api}`,
        "KUBERNETES_SERVICE_PORT=443",
      ]),
    );
    const few = await inPod("plain", "env");
    expect(few).toContain(`KUBERNETES_SERVICE_HOST=${api}`);
    expect(few).not.toContain("WEB_");
    await kubectl("delete", "pod", "links", "plain");
  });

  test("have the API's own service back when it is deleted", async () => {
    const before = await addressOf("kubernetes");
    await kubectl("delete", "service", "kubernetes");
    await eventually(async () => expect(await addressOf("kubernetes")).toBe(before));
  });

  test("reach the API by its service, trusting the cluster's authority", async () => {
    const token = await kubectl("create", "token", "default");
    const volumes = [{ name: "ca", configMap: { name: "kube-root-ca.crt" } }];
    const script = `
      const { get } = require("node:https");
      const headers = { authorization: "Bearer " + process.env.TOKEN };
      get({ host: "kubernetes.default.svc", port: 443, path: "/version", headers, ca: require("node:fs").readFileSync("/ca/ca.crt"), agent: false }, (response) => {
        response.resume().on("end", () => console.log(response.statusCode));
      }).on("error", console.log);`;
    const container = {
      name: "main",
      image: IMAGE,
      command: ["node", "-e", script],
      env: [{ name: "TOKEN", value: token }],
      volumeMounts: [{ name: "ca", mountPath: "/ca" }],
    };
    await cluster.apply(podOf("insider", { spec: { restartPolicy: "Never", volumes, containers: [container] } }));
    await kubectl("wait", "--for=jsonpath={.status.phase}=Succeeded", "pod/insider", "--timeout=120s");
    expect(await kubectl("logs", "insider")).toBe("200");
    await kubectl("delete", "pod", "insider");
  });
});

describe("a rolling update under load", { timeout: 300_000 }, () => {
  const PORT = 28_417;

  test("fails no request of 20 clients in a pod and 20 on this machine, with new connections and with kept ones", async () => {
    await cluster.apply(
      webOf("shop", 3),
      serviceOf("shop", { type: "LoadBalancer", selector: { app: "shop" }, ports: [{ port: PORT, targetPort: "http" }] }),
      podOf("load", { script: LOAD, env: { TARGET: `http://shop:${PORT}` } }),
    );
    await kubectl("rollout", "status", "deployment/shop", "--timeout=120s");
    await eventually(async () => expect(await fetchText(`http://127.0.0.1:${PORT}`)).toContain("v1"));
    await kubectl("delete", "pod", "load");
    await cluster.apply(podOf("load", { script: LOAD, env: { TARGET: `http://shop:${PORT}` } }));
    await kubectl("wait", "--for=condition=Ready", "pod/load", "--timeout=120s");
    const outside = startLoad(`http://127.0.0.1:${PORT}`);
    const machine = startLoad(`http://${await addressOf("shop")}:${PORT}`, 4);
    await new Promise((resolve) => setTimeout(resolve, 1000));
    await cluster.apply(webOf("shop", 3, "v2"));
    await kubectl("rollout", "status", "deployment/shop", "--timeout=120s");
    await eventually(async () => expect(await cluster.pods("app=shop")).toHaveLength(3));
    await eventually(async () => expect((await cluster.get("pods", "-l", "app=shop")).items).toHaveLength(3));
    const inside: Load = JSON.parse(await fetchIn("load", "http://127.0.0.1:9000"));
    for (const { failures, seen } of [inside, await outside(), await machine()]) {
      expect(failures).toEqual([]);
      expect(Object.keys(seen).toSorted()).toEqual(["v1", "v2"]);
    }
    await kubectl("delete", "deployment,service", "shop");
    await kubectl("delete", "pod", "load");
  });
});

test("strata down takes the rules and the addresses with it", { timeout: 300_000 }, async () => {
  const tag = rootTag(cluster.root.root);
  const tables = (): string => execFileSync("nft", ["list", "tables"], { encoding: "utf8" });
  expect(tables()).toContain(`strata_${tag}_services`);
  expect(existsSync(`/sys/class/net/sv${tag}`)).toBe(true);
  await strataOutput(cluster.root, "down");
  expect(tables()).not.toContain(`strata_${tag}_services`);
  expect(existsSync(`/sys/class/net/sv${tag}`)).toBe(false);
});
