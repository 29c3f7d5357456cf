import { beforeAll, describe, expect, test } from "vitest";
import { kubectl as findKubectl } from "../support/kubectl.ts";
import { apiOfFile, type Ran } from "./api-server.ts";

/** Releases that the API speaks to; those that are on this machine are tried. */
const releases = ["1.27", "1.28", "1.29", "1.30", "1.31", "1.32", "1.33"];
const found = await Promise.all(
  releases.map(
    async (release) =>
      await findKubectl(release).then(
        () => release,
        () => undefined,
      ),
  ),
);
/** What kubectl says on the wire changed with these; the releases between them get the essentials. */
const milestones = ["1.27", "1.29", "1.33"];
const versions: readonly (string | undefined)[] = found.some((release) => release !== undefined)
  ? found.filter((release) => release !== undefined)
  : [undefined];

const server = apiOfFile();

const manifest = `apiVersion: apps/v1
kind: Deployment
metadata:
  name: web
  labels: {app: web}
spec:
  replicas: 2
  selector:
    matchLabels: {app: web}
  template:
    metadata:
      labels: {app: web}
    spec:
      containers:
      - name: web
        image: hello:v1
        ports:
        - containerPort: 8080
        resources:
          limits: {cpu: 500m, memory: 128Mi}
---
apiVersion: v1
kind: Service
metadata:
  name: web
spec:
  selector: {app: web}
  ports:
  - port: 80
    targetPort: 8080
`;

describe.each(versions)("kubectl %s", (version) => {
  const namespace = `v${(version ?? "any").replace(".", "-")}`;
  const run = async (args: string, input?: string): Promise<Ran> =>
    await server.kubectl(version, ["-n", namespace, ...args.split(" ").map((arg) => arg.replaceAll("␣", " "))], input);
  const ok = async (args: string, input?: string): Promise<string> => {
    const { code, stdout, stderr } = await run(args, input);
    expect({ code, stderr: code === 0 ? "" : stderr }).toEqual({ code: 0, stderr: "" });
    return stdout.trim();
  };
  const thoroughly: (name: string, run: () => Promise<void>) => void = version === undefined || milestones.includes(version) ? test : () => {};
  const minor = Number(version?.split(".")[1] ?? 33);

  beforeAll(async () => {
    await server.kubectl(version, ["create", "namespace", namespace]);
  });

  test("applies, and applies again without a change", async () => {
    expect(await ok("apply -f -", manifest)).toBe("deployment.apps/web created\nservice/web created");
    expect(await ok("apply -f -", manifest)).toBe("deployment.apps/web unchanged\nservice/web unchanged");
  });

  thoroughly("says which kind is unknown", async () => {
    const { code, stderr } = await run("apply -f -", "apiVersion: v1\nkind: Pode\nmetadata: { name: typo }\n");
    expect([code, stderr]).toEqual([1, expect.stringContaining('no matches for kind "Pode" in version "v1"')]);
  });

  test("prints tables for people", async () => {
    expect(await ok("get deployments -o wide")).toMatch(
      /^NAME +READY +UP-TO-DATE +AVAILABLE +AGE +CONTAINERS +IMAGES +SELECTOR\nweb +0\/2 +0 +0 +\d+s +web +hello:v1 +app=web$/,
    );
    expect(await ok("get svc web")).toMatch(/^NAME +TYPE +CLUSTER-IP +EXTERNAL-IP +PORT\(S\) +AGE\nweb +ClusterIP +10\.96\.\d+\.\d+ +<none> +80\/TCP +\d+s$/);
    expect(await ok("get all")).toContain("deployment.apps/web");
  });

  thoroughly("prints objects for programs", async () => {
    expect(await ok("get deployment web -o jsonpath={.spec.replicas}/{.spec.template.spec.containers[0].imagePullPolicy}")).toBe("2/IfNotPresent");
    expect(JSON.parse(await ok("get deployment web -o json")).kind).toBe("Deployment");
    expect(await ok("get deployment web -o yaml")).toContain("kind: Deployment");
    expect(await ok("get deployment web -o name")).toBe("deployment.apps/web");
    expect(await ok("get deployments -o custom-columns=N:.metadata.name --no-headers")).toBe("web");
  });

  thoroughly("describes", async () => {
    expect(await ok("describe deployment web")).toMatch(/Name: +web\n[^]*Replicas: +2 desired/);
    expect(await ok("describe service web")).toMatch(/TargetPort: +8080\/TCP/);
  });

  test("scales, sets images, labels and annotates", async () => {
    expect(await ok("scale deployment web --replicas=4")).toBe("deployment.apps/web scaled");
    expect(await ok("scale deployment web --replicas=3 --current-replicas=4")).toBe("deployment.apps/web scaled");
    expect(await ok("set image deployment/web web=hello:v2")).toBe("deployment.apps/web image updated");
    expect(await ok("label deployment web tier=front")).toBe("deployment.apps/web labeled");
    expect(await ok("annotate deployment web note=x")).toMatch(/^deployment.apps\/web annotated?$/);
    expect(await ok("rollout restart deployment/web")).toBe("deployment.apps/web restarted");
    expect(
      await ok(
        "get deployment -l tier=front -o jsonpath={.items[0].spec.replicas}␣{.items[0].spec.template.spec.containers[0].image}␣{.items[0].metadata.annotations.note}",
      ),
    ).toBe("3 hello:v2 x");
  });

  test("patches in three ways", async () => {
    await ok('patch deployment web -p {"spec":{"template":{"spec":{"containers":[{"name":"web","env":[{"name":"A","value":"1"}]}]}}}}');
    await ok('patch deployment web --type=merge -p {"spec":{"minReadySeconds":1}}');
    await ok('patch deployment web --type=json -p [{"op":"replace","path":"/spec/replicas","value":5}]');
    await ok('patch deployment web --subresource=status --type=merge -p {"status":{"replicas":5}}');
    expect(
      await ok(
        "get deployment web -o jsonpath={.spec.replicas}␣{.spec.minReadySeconds}␣{.spec.template.spec.containers[0].env[0].name}␣{.spec.template.spec.containers[0].image}␣{.status.replicas}",
      ),
    ).toBe("5 1 A hello:v2 5");
  });

  thoroughly("shows differences without making them", async () => {
    const { code, stdout } = await run("diff -f -", manifest.replace("hello:v1", "hello:v3"));
    expect([code, /^[-+] +- image: hello:v[23]$/m.test(stdout) || /^\+ +image: hello:v3|\+ +- image: hello:v3/m.test(stdout)]).toEqual([1, true]);
    expect(await ok("get deployment web -o jsonpath={.spec.template.spec.containers[0].image}")).toBe("hello:v2");
  });

  test("takes back what it applied, three ways merged", async () => {
    await ok("apply -f -", manifest);
    expect(await ok("get deployment web -o jsonpath={.spec.replicas}␣{.spec.template.spec.containers[0].image}␣{.metadata.annotations.note}")).toBe(
      "2 hello:v1 x",
    );
    expect(await ok("apply --dry-run=server -f -", manifest.replace("replicas: 2", "replicas: 9"))).toContain(
      "deployment.apps/web configured (server dry run)",
    );
    await ok("apply -f -", manifest.replace(/ +ports:\n +- containerPort: 8080\n/, ""));
    expect(await ok("get deployment web -o jsonpath={.spec.template.spec.containers[0].ports}")).toBe("");
  });

  test("applies on the server, with owners and conflicts", async () => {
    const map = (value: string): string => `{"apiVersion":"v1","kind":"ConfigMap","metadata":{"name":"owned"},"data":{"a":"${value}"}}`;
    expect(await ok("apply --server-side -f -", map("1"))).toBe("configmap/owned serverside-applied");
    const conflict = await run("apply --server-side --field-manager=other -f -", map("2"));
    expect([
      conflict.code,
      conflict.stderr.includes('conflict with "kubectl": .data.a') || conflict.stderr.includes('conflict with "kubectl" using v1: .data.a'),
    ]).toEqual([1, true]);
    await ok("apply --server-side --field-manager=other --force-conflicts -f -", map("2"));
    expect(await ok("get configmap owned -o jsonpath={.data.a}")).toBe("2");
    await ok("apply --server-side -f -", manifest); // takes over from the client's side
    expect(await ok("apply --server-side -f -", manifest)).toBe("deployment.apps/web serverside-applied\nservice/web serverside-applied");
  });

  thoroughly("refuses what is wrong in the words that users know", async () => {
    const unknown = await run("apply -f -", manifest.replace("replicas: 2", "replicaz: 2"));
    expect([unknown.code, /unknown field "spec\.replicaz"/.test(unknown.stderr)]).toEqual([1, true]);
    const broken = await run("apply -f -", manifest.replace("image: hello:v1", 'image: ""').replace("name: web\n  labels", "name: broken\n  labels"));
    expect([broken.code, broken.stderr.trim()]).toEqual([1, 'The Deployment "broken" is invalid: spec.template.spec.containers[0].image: Required value']);
    expect((await run("get pod none")).stderr.trim()).toBe('Error from server (NotFound): pods "none" not found');
  });

  test("creates in protobuf or JSON, as its release does", async () => {
    await ok("create deployment made --image=x --replicas=0 --port=80");
    await ok("create configmap map --from-literal=a=b");
    await ok("create secret generic secret --from-literal=a=b");
    await ok("create job job --image=x -- sh -c true");
    await ok("create cronjob cron --image=x --schedule=*/5␣*␣*␣*␣*");
    await ok("create serviceaccount robot");
    await ok("create service nodeport open --tcp=80:8080");
    await ok("create role reader --verb=get --resource=pods");
    await ok("create poddisruptionbudget few --selector=app=web --min-available=1");
    await ok("create ingress front --rule=example.com/x=web:80");
    await ok("create quota small --hard=pods=3");
    await ok("autoscale deployment made --max=4 --cpu-percent=70");
    await ok("run pod --image=x --labels=app=x --env=A=B");
    await ok("expose deployment made --port=80 --name=exposed");
    expect(
      await ok("get deployment made -o jsonpath={.spec.replicas}␣{.spec.template.spec.containers[0].ports[0].containerPort}␣{.spec.selector.matchLabels.app}"),
    ).toBe("0 80 made");
    expect(await ok("get hpa made -o jsonpath={.spec.maxReplicas}")).toBe("4");
    expect(await ok("get job job -o jsonpath={.spec.template.spec.containers[0].command}␣{.spec.backoffLimit}")).toBe('["sh","-c","true"] 6');
    expect(await ok("get secret secret -o jsonpath={.data.a}")).toBe(Buffer.from("b").toString("base64"));
    expect(Number(await ok("get service open -o jsonpath={.spec.ports[0].nodePort}"))).toBeGreaterThanOrEqual(30_000);
    expect(await ok("get pod pod -o jsonpath={.status.phase}␣{.status.qosClass}␣{.spec.serviceAccountName}␣{.spec.tolerations[*].key}")).toBe(
      "Pending BestEffort default node.kubernetes.io/not-ready node.kubernetes.io/unreachable",
    );
  });

  thoroughly("explains and lists resources", async () => {
    expect(await ok("explain deployment.spec.strategy")).toMatch(/rollingUpdate\s+<RollingUpdateDeployment>/);
    expect(await ok("explain pod.spec.containers")).toMatch(/image\s+<string>/);
    expect(await ok("api-resources --api-group=apps")).toMatch(/^deployments +deploy +apps\/v1 +true +Deployment$/m);
    expect(await ok("api-versions")).toContain("networking.k8s.io/v1");
  });

  test("waits for conditions and deletions", async () => {
    const ready = ok("wait --for=condition=Ready pod/pod --timeout=120s");
    await ok(
      'patch pod pod --subresource=status --type=merge -p {"status":{"phase":"Running","conditions":[{"type":"Ready","status":"True","lastProbeTime":null,"lastTransitionTime":null}]}}',
    );
    expect(await ready).toBe("pod/pod condition met");
    const gone = ok("wait --for=delete pod/pod --timeout=120s");
    expect(await ok("delete pod pod")).toBe('pod "pod" deleted'.concat(minor >= 34 ? ` from ${namespace} namespace` : ""));
    expect(await gone).toMatch(/^(pod\/pod condition met)?$/);
  });

  thoroughly("asks who it is and what it may do", async () => {
    expect(await ok("auth can-i create pods")).toBe("yes");
    expect((await run("auth can-i create pods --as=nobody")).stdout.trim()).toBe("no");
    if (minor >= 28) expect(await ok("auth whoami -o jsonpath={.status.userInfo.username}")).toBe("admin");
    expect((await ok("create token robot")).split(".")).toHaveLength(3);
  });

  test("cordons, taints and drains", async () => {
    const node = `node-${namespace}`;
    await ok("create -f -", `{"apiVersion":"v1","kind":"Node","metadata":{"name":"${node}"}}`);
    await ok(
      "create -f -",
      `{"apiVersion":"v1","kind":"Pod","metadata":{"name":"placed"},"spec":{"nodeName":"${node}","terminationGracePeriodSeconds":0,"containers":[{"name":"c","image":"x"}]}}`,
    );
    expect(await ok(`taint node ${node} a=b:NoSchedule`)).toBe(`node/${node} tainted`);
    expect(await ok(`drain ${node} --force`)).toContain(`node/${node} drained`);
    expect(await ok(`get node ${node} -o jsonpath={.spec.unschedulable}␣{.spec.taints[*].effect}`)).toMatch(/^true NoSchedule/);
    expect((await run("get pod placed")).code).toBe(1);
    await ok(`delete node ${node}`);
  });

  thoroughly("edits and replaces", async () => {
    const map = JSON.parse(await ok("get configmap map -o json"));
    expect(await ok("replace -f -", JSON.stringify({ ...map, data: { a: "c" } }))).toBe("configmap/map replaced");
    const stale = await run("replace -f -", JSON.stringify({ ...map, data: { a: "d" } }));
    expect([stale.code, stale.stderr.includes("the object has been modified; please apply your changes to the latest version and try again")]).toEqual([
      1,
      true,
    ]);
  });

  test("deletes all", async () => {
    await ok("delete deployment,service,configmap,secret,job,cronjob,hpa,pdb,ingress --all");
    expect(await ok("get all -o name")).toBe("");
  });
});
