/** `strata get` and `describe` hold against a real kubectl on the same cluster: the same text, apart from who says that something is not there. */
import { spawn, type ChildProcess } from "node:child_process";
import { afterAll, beforeAll, expect, test, vi } from "vitest";
import { kubectl as findKubectl } from "../support/kubectl.ts";
import { runStrata, strataOutput } from "../support/cli.ts";
import { eventually, TestCluster } from "../support/cluster.ts";
import { strata } from "../support/root.ts";
import { DESCRIBED } from "./described-objects.ts";

vi.setConfig({ testTimeout: 300_000, hookTimeout: 300_000 });

let cluster: TestCluster;
beforeAll(async () => {
  cluster = await TestCluster.start(async (root) => void (await strataOutput(root, "base", "create", "local/box", "--bin", "sh,sleep")));
  await cluster.apply(...DESCRIBED);
  await cluster.kubectl("rollout", "status", "deployment/web", "--timeout=120s");
  await cluster.kubectl("set", "env", "deployment/web", "MORE=yes");
  await cluster.kubectl("rollout", "status", "deployment/web", "--timeout=120s");
  await cluster.kubectl("taint", "node", "here", "b=1:PreferNoSchedule", "a:PreferNoSchedule");
  await eventually(async () => expect((await cluster.pods("app=web")).length).toBe(2));
  await eventually(async () => expect((await cluster.get("pod", "ended")).status.phase).toBe("Failed"));
  await eventually(async () => expect((await cluster.get("pod", "absent")).status.containerStatuses[0].state.waiting.reason).toBe("ErrImageNeverPull"));
});
afterAll(async () => await cluster[Symbol.asyncDispose]());

interface Said {
  readonly status: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

/** Ages go on between two looks, and with their length the blanks after them. */
function still({ status, stdout, stderr }: Said): Said {
  return {
    status,
    stdout: stdout.replaceAll(/\b\d+[smh](?:\d+s)?( +|\b)/g, "AGE "),
    stderr: stderr.replace(/^(?:strata: |error: |Error from server \(BadRequest\): )/gm, ""),
  };
}

/** What changes between two looks is looked at again. */
async function alike(args: readonly string[]): Promise<void> {
  await eventually(async () => {
    const [theirs, ours] = await Promise.all([cluster.feed("", ...args), runStrata(cluster.root, args)]);
    expect(still(ours)).toEqual(still(theirs));
  }, 300_000);
}

test("fields that a kind does not have are refused, and nothing is made", async () => {
  const text = JSON.stringify({ apiVersion: "apps/v1", kind: "Deployment", metadata: { name: "typo" }, spec: { replica: 3 } });
  const [theirs, ours] = [await cluster.feed(text, "apply", "-f", "-"), await runStrata(cluster.root, ["apply", "-f", "-"], { input: text })];
  for (const { status, stderr } of [theirs, ours])
    expect([status, stderr]).toEqual([1, expect.stringContaining('strict decoding error: unknown field "spec.replica"')]);
  expect((await runStrata(cluster.root, ["get", "deployment", "typo"])).status).toBe(1);
});

test.each([
  "get pods",
  "get pods -o wide",
  "get pods -o name",
  "get pods --no-headers",
  "get pods --show-labels",
  "get pods -L app,tier",
  "get pods -l app=web",
  "get pods --field-selector=status.phase=Running",
  "get pods -n kube-system",
  "get pods,svc -A",
  "get pods,services -o name",
  "get pod/ended pod/absent svc/web",
  "get pod ended nobody",
  "get pod ended nobody --ignore-not-found",
  "get pod nobody -o json",
  "get nonesuch",
  "get all",
  "get all -o wide",
  "get secret,cm --no-headers",
  "get nodes -o wide",
  "get ns -l nope=1",
  "get configmap words -o yaml",
  "get configmap words -o json",
  "get svc,deploy -o yaml",
  "get svc -o json",
  "rollout history deployment/web",
  "describe pod ended",
  "describe pod absent",
  "describe pod rich",
  "describe pods -l app=web",
  "describe deployment web",
  "describe deployment none",
  "describe rs",
  "describe svc",
  "describe node here",
  "describe pod nobody",
  "get pods -o custom-columns=NAME:.metadata.name,IMAGES:.spec.containers[*].image,NONE:.nope",
  "get pods -o custom-columns=N:metadata.name,L:{.metadata.labels} --no-headers",
  "get pods -l a=b -o custom-columns=N:.metadata.name",
  "get pods -o custom-columns=N",
  "get pods -o custom-columns=",
  "get pods -o foo",
  "get pods --sort-by=.metadata.name",
  "get pods,svc,deploy -o name --sort-by=.metadata.name",
  "get cm -A --sort-by {.metadata.name}",
  "get pod nobody -o jsonpath={.x}",
])("%s", async (words) => await alike(words.split(" ")));

// An error that kubectl has in running a template is followed by the whole object: those are left out.
test.each([
  "{.items[*].metadata.name}",
  "{.items[0].metadata.labels}",
  "{.items[0].spec.containers[*].env}",
  '{range .items[*]}{.metadata.name}{"\\t"}{.status.phase}{"\\n"}{end}',
  '{range .items[*]}{range .spec.containers[*]}{.name}:{.image}, {end}{"\\n"}{end}',
  '{range .items[*]}x{@.metadata.name}{"\\n"}',
  '{.items[?(@.status.phase=="Running")].metadata.name}',
  "{.items[?(@.metadata.labels.app!='web')].metadata.name}",
  "{.items[*].spec.containers[?(@.name=='main')].image}",
  "{.items[*].spec.containers[?(@.command)].name}",
  "{.items[*].status.containerStatuses[?(@.restartCount>=0)].name}",
  "{..image}",
  "{.items[0:2].metadata.name} {.items[-1].metadata.name} {.items[-2:].kind} {.items[0,1].metadata.name}",
  "{.items[0].metadata['name','namespace']}",
  "{.items[0].nope.more}-{.items[*].spec.hostNetwork}",
  "{$.kind} {@.apiVersion} {'quoted'} {1} {true} plain\\n",
  "{range .items[*]}{$.kind}{.kind}{end}",
  ".kind",
  "{.items",
  "{.items[*].metadata.name",
])("jsonpath %s", async (template) => await alike(["get", "pods", "-o", `jsonpath=${template}`]));

test.each([
  ["get", "configmap", "words", "-o", "jsonpath={.data}"],
  ["get", "configmap", "words", "-o=jsonpath-as-json={.metadata.name}"],
  ["get", "deploy/web", "svc/web", "-o", "jsonpath={.items[*].kind}"],
  ["get", "pods", "-o", 'go-template={{range .items}}{{.metadata.name}}{{"\\n"}}{{end}}'],
  ["get", "deploy", "web", "-o", 'template={{.spec.replicas}}\\n{{len .spec.template.spec.containers}}{{.nope}}{{printf "%d" .spec.replicas}}'],
])("%j", async (...words) => await alike(words));

test.each([
  ["logs", "pod/ended"],
  ["logs", "deploy/web", "-c", "nope"],
  ["exec", "deploy/web", "--", "sh", "-c", "echo in"],
  ["exec", "deploy/web", "-c", "nope", "--", "true"],
  ["exec", "pod/nobody", "--", "true"],
])("%j", async (...words) => await alike(words));

interface Watch extends AsyncDisposable {
  lines(): readonly string[];
  readonly process: ChildProcess;
}

function watch(program: string, args: readonly string[]): Watch {
  const child = spawn(program, args, { env: { ...cluster.environment, ...cluster.root.env, KUBECONFIG: cluster.environment["KUBECONFIG"] } });
  const ended = new Promise<void>((resolve) => child.once("exit", () => resolve()));
  let said = "";
  child.stdout.on("data", (chunk: Buffer) => (said += chunk.toString()));
  return {
    process: child,
    lines: () => still({ status: 0, stdout: said, stderr: "" }).stdout.split("\n"),
    async [Symbol.asyncDispose]() {
      child.kill("SIGINT");
      await ended;
    },
  };
}

test.each(["-w", "-w -o name"])("get pods %s tells each change", async (flags) => {
  const args = ["get", "pods", "-l", "tier=watched", ...flags.split(" ")];
  const pod = (name: string): object => ({ apiVersion: "v1", kind: "Pod", metadata: { name, labels: { tier: "watched" } }, spec: POD });
  await cluster.apply(pod("first"));
  await cluster.kubectl("wait", "pod/first", "--for=condition=Ready", "--timeout=120s");
  await using theirs = watch(await findKubectl(), args);
  await using ours = watch(process.execPath, [strata, ...args]);
  await eventually(async () => await Promise.resolve([theirs, ours].map((one) => expect(one.lines().join()).toContain("first"))));
  await cluster.apply(pod("second"));
  await cluster.kubectl("wait", "pod/second", "--for=condition=Ready", "--timeout=120s");
  await cluster.kubectl("delete", "pod", "first", "second");
  await eventually(async () => {
    expect(ours.lines().length).toBeGreaterThan(4);
    expect(ours.lines()).toEqual(theirs.lines());
    await Promise.resolve();
  });
});

const POD = { terminationGracePeriodSeconds: 0, containers: [{ name: "main", image: "local/box", command: ["sleep", "600"] }] };
