/** Names inside pods, and services where the machine has no nft; two clusters beside each other. */
import { execFileSync } from "node:child_process";
import { existsSync, readdirSync } from "node:fs";
import { delimiter } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { rootTag } from "../../runtime/engine/identity.ts";
import { serveStrata, strataOutput } from "../support/cli.ts";
import { eventually, TestCluster, UP } from "../support/cluster.ts";
import { temporaryRoot } from "../support/root.ts";
import { DATAGRAMS, fetchText, IMAGE, podOf, PROGRAMS, serviceOf, webOf } from "./service-lab.ts";

/** Beside the cluster with rules, one that finds no nft in its PATH. */
let here: TestCluster;
let plain: TestCluster;

/** The folders of PATH without those that hold nft. */
function pathWithoutNft(): string {
  const folders = (process.env["PATH"] ?? "").split(delimiter);
  return folders.filter((folder) => !namesIn(folder).includes("nft")).join(delimiter);
}

function namesIn(folder: string): readonly string[] {
  try {
    return readdirSync(folder);
  } catch {
    return []; // PATH may name what is not there
  }
}

beforeAll(async () => {
  here = await TestCluster.start(async (fresh) => void (await strataOutput(fresh, "base", "create", IMAGE, "--bin", PROGRAMS)));
  plain = await TestCluster.start(async (fresh) => {
    await strataOutput(fresh, "base", "create", IMAGE, "--bin", PROGRAMS);
    fresh.env["PATH"] = pathWithoutNft();
  });
  for (const cluster of [here, plain]) {
    await cluster.apply(
      webOf("web", 2),
      serviceOf("web", { selector: { app: "web" }, ports: [{ name: "http", port: 80, targetPort: "http" }] }),
      podOf("tool"),
    );
    await cluster.kubectl("rollout", "status", "deployment/web", "--timeout=120s");
    await cluster.kubectl("wait", "--for=condition=Ready", "pod/tool", "--timeout=120s");
  }
}, 300_000);

afterAll(async () => {
  await here[Symbol.asyncDispose]();
  await plain[Symbol.asyncDispose]();
}, 300_000);

const script = async (cluster: TestCluster, pod: string, text: string): Promise<string> => await cluster.kubectl("exec", pod, "--", "node", "-e", text);
const fetchIn = async (cluster: TestCluster, url: string): Promise<string> =>
  await script(cluster, "tool", `fetch(${JSON.stringify(url)}).then((r) => r.text()).then(console.log, (e) => console.log(e.cause?.code ?? e.name))`);
const ask = async (call: string): Promise<any> =>
  JSON.parse(
    await script(here, "tool", `require("node:dns/promises").${call}.then((a) => console.log(JSON.stringify(a)), (e) => console.log(JSON.stringify(e.code)))`),
  );
const addressOf = async (cluster: TestCluster, service: string, ...args: readonly string[]): Promise<string> =>
  await cluster.kubectl("get", "service", service, ...args, "-o", "jsonpath={.spec.clusterIP}");

describe("names in a pod", { timeout: 300_000 }, () => {
  test("are asked of kube-dns, whose address stays when the control plane starts again", async () => {
    const server = await addressOf(here, "kube-dns", "-n", "kube-system");
    const text = await here.kubectl("exec", "tool", "--", "cat", "/etc/resolv.conf");
    expect(text).toMatch(
      new RegExp(`^nameserver ${server}\nsearch default\\.svc\\.cluster\\.local svc\\.cluster\\.local cluster\\.local\\b.*\noptions ndots:5$`),
    );
    expect(await here.kubectl("cluster-info")).toContain("services/kube-dns:dns/proxy");
    await here.restart();
    expect(await addressOf(here, "kube-dns", "-n", "kube-system")).toBe(server);
    await eventually(async () => expect(await ask(`lookup("web")`)).toMatchObject({ address: await addressOf(here, "web") }));
  });

  test("stand for services, ready pods, ports and addresses", async () => {
    await here.apply(
      serviceOf("nginx", { clusterIP: "None", selector: { app: "nginx" }, ports: [{ name: "http", port: 80, targetPort: 8080 }] }),
      podOf("web-0", { labels: { app: "nginx" }, spec: { hostname: "web-0", subdomain: "nginx" } }),
      podOf("web-1", { labels: { app: "nginx" }, spec: { hostname: "web-1", subdomain: "nginx" } }),
      serviceOf("outside", { type: "ExternalName", externalName: "web.default.svc.cluster.local" }),
    );
    await here.kubectl("wait", "--for=condition=Ready", "pod/web-0", "pod/web-1", "--timeout=120s");
    const own = await Promise.all(["web-0", "web-1"].map(async (name) => String((await here.get("pod", name)).status.podIP)));
    await eventually(async () => expect((await ask(`resolve4("nginx.default.svc.cluster.local")`)).toSorted()).toEqual(own.toSorted()));
    const [zero, one] = own;
    expect(await ask(`resolve4("web-0.nginx.default.svc.cluster.local")`)).toEqual([zero]);
    expect(await ask(`lookup("web-1.nginx")`)).toMatchObject({ address: one });
    const servers = await ask(`resolveSrv("_http._tcp.nginx.default.svc.cluster.local")`);
    expect(servers.map(({ name, port }: any) => `${name}:${port}`).toSorted()).toEqual([
      "web-0.nginx.default.svc.cluster.local:8080",
      "web-1.nginx.default.svc.cluster.local:8080",
    ]);
    expect(await ask(`reverse("${zero}")`)).toEqual(["web-0.nginx.default.svc.cluster.local"]);
    expect(await ask(`reverse("${await addressOf(here, "web")}")`)).toEqual(["web.default.svc.cluster.local"]);
    expect(await ask(`resolve4("${String(zero).replaceAll(".", "-")}.default.pod.cluster.local")`)).toEqual([zero]);
    expect(await ask(`resolveCname("outside.default.svc.cluster.local")`)).toEqual(["web.default.svc.cluster.local"]);
    expect(await ask(`lookup("outside")`)).toMatchObject({ address: await addressOf(here, "web") });
    expect(await ask(`resolve6("web.default.svc.cluster.local")`)).toBe("ENODATA");
    expect(await ask(`resolve4("nothing.default.svc.cluster.local")`)).toBe("ENOTFOUND");
  });

  test("know pods that are not ready only when the service says so", async () => {
    const spec = {
      hostname: "slow",
      subdomain: "peers",
      containers: [{ name: "main", image: IMAGE, command: ["sleep", "60"], readinessProbe: { exec: { command: ["sh", "-c", "exit 1"] } } }],
    };
    const labels = { app: "peers" };
    await here.apply(
      serviceOf("peers", { clusterIP: "None", publishNotReadyAddresses: true, selector: labels }),
      serviceOf("ready-peers", { clusterIP: "None", selector: labels }),
      podOf("slow", { labels, spec: { ...spec, terminationGracePeriodSeconds: 0 } }),
    );
    await eventually(async () => expect(await ask(`resolve4("slow.peers.default.svc.cluster.local")`)).toEqual([(await here.get("pod", "slow")).status.podIP]));
    expect(await ask(`resolve4("ready-peers.default.svc.cluster.local")`)).toBe("ENOTFOUND");
  });

  test("follow the pod's policy", async () => {
    const dnsConfig = { nameservers: ["192.0.2.53"], searches: ["corp.example"], options: [{ name: "ndots", value: "1" }] };
    await here.apply(podOf("none", { spec: { dnsPolicy: "None", dnsConfig } }), podOf("more", { spec: { dnsConfig } }));
    await here.kubectl("wait", "--for=condition=Ready", "pod/none", "pod/more", "--timeout=120s");
    expect(await here.kubectl("exec", "none", "--", "cat", "/etc/resolv.conf")).toBe("nameserver 192.0.2.53\nsearch corp.example\noptions ndots:1");
    expect(await here.kubectl("exec", "more", "--", "cat", "/etc/resolv.conf")).toMatch(
      /^nameserver 10\.\S+\nnameserver 192\.0\.2\.53\nsearch default\.svc\.cluster\.local .*corp\.example\noptions ndots:1$/,
    );
  });
});

describe("without nft", { timeout: 300_000 }, () => {
  test("pods and this machine's programs reach services all the same, by name too", async () => {
    const tables = execFileSync("nft", ["list", "tables"], { encoding: "utf8" });
    expect(tables).toContain(`strata_${rootTag(here.root.root)}_services`);
    expect(tables).not.toContain(rootTag(plain.root.root));
    const address = await addressOf(plain, "web");
    const names = (await plain.pods("app=web")).map((pod) => String(pod.metadata.name)).toSorted();
    const seen = new Set<string>();
    await eventually(async () => {
      seen.add((await fetchText(`http://${address}`)).split(" ")[1] ?? "");
      expect([...seen].toSorted()).toEqual(names);
    });
    expect(names).toContain((await fetchIn(plain, "http://web")).split(" ")[1]);
    const [pod] = await plain.pods("app=web");
    expect(await plain.kubectl("exec", pod.metadata.name, "--", "node", "-e", `fetch("http://web").then((r) => r.text()).then(console.log)`)).toMatch(
      /^v1 web-/,
    );
  });

  test("a service without endpoints refuses at once", async () => {
    await plain.apply(serviceOf("nobody", { selector: { app: "nobody" }, ports: [{ port: 80 }] }));
    const address = await addressOf(plain, "nobody");
    await eventually(async () => expect(await fetchIn(plain, `http://${address}`)).toBe("ECONNREFUSED"));
    await eventually(async () => await expect(fetchText(`http://${address}`)).rejects.toThrow("ECONNREFUSED"));
  });

  test("datagrams arrive, and the API is reached by its service", async () => {
    const labels = { app: "datagrams" };
    await plain.apply(
      podOf("one", { script: DATAGRAMS, labels }),
      serviceOf("datagrams", { selector: labels, ports: [{ port: 53, targetPort: 5353, protocol: "UDP" }] }),
    );
    await plain.kubectl("wait", "--for=condition=Ready", "pod/one", "--timeout=120s");
    const talk = `const s = require("node:dgram").createSocket("udp4"); s.on("message", (m) => { console.log(String(m)); s.close(); }); s.send("hello", 53, "datagrams"); setTimeout(() => process.exit(1), 10_000).unref()`;
    await eventually(async () => expect(await script(plain, "tool", talk)).toBe("one hello"));
    const tls = `require("node:https").get("https://kubernetes.default.svc/version", { rejectUnauthorized: false, agent: false }, (r) => { console.log(r.statusCode); r.resume(); })`;
    expect(["200", "401"]).toContain(await script(plain, "tool", tls));
  });
});

test("two clusters on one machine have services at different addresses", async () => {
  const [one, other] = [await addressOf(here, "kubernetes"), await addressOf(plain, "kubernetes")];
  expect(one).not.toBe(other);
  expect(await fetchText(`http://${await addressOf(here, "web")}`)).toMatch(/^v1 web-/);
  expect(await fetchText(`http://${await addressOf(plain, "web")}`)).toMatch(/^v1 web-/);
});

test("a cluster without pods leaves nothing in the machine's network when it ends", async () => {
  using root = temporaryRoot();
  const link = `/sys/class/net/sv${rootTag(root.root)}`;
  await using server = await serveStrata(root, UP, /^ready$/);
  expect(existsSync(link)).toBe(true);
  await server[Symbol.asyncDispose]();
  expect(existsSync(link)).toBe(false);
  expect(execFileSync("nft", ["list", "tables"], { encoding: "utf8" })).not.toContain(rootTag(root.root));
});
