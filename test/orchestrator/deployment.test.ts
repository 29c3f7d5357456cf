/** Deployments and ReplicaSets as the books show them: kubectl, real containers, and the arithmetic of a rolling update at every moment of it. */
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { kubectl as findKubectl } from "../support/kubectl.ts";
import { strataOutput } from "../support/cli.ts";
import { eventually, TestCluster } from "../support/cluster.ts";
import { deploymentOf } from "./deployment-of.ts";
import { Watched } from "./watched.ts";

let cluster: TestCluster;

beforeAll(async () => {
  cluster = await TestCluster.start(async (root) => {
    for (const version of ["v1", "v2", "v3"]) await strataOutput(root, "base", "create", `local/app:${version}`, "--bin", "sh,sleep,cat,test,touch");
  });
});

afterAll(async () => await cluster[Symbol.asyncDispose]());

const kubectl = async (...args: readonly string[]): Promise<string> => await cluster.kubectl(...args);

/** Ends at once when it is asked to. */
const SERVE = ["sh", "-c", "trap 'exit 0' TERM; sleep 3600 & wait"];

function deployment(name: string, replicas: number, spec: object = {}, container: object = {}): object {
  const app = { name: "app", image: "local/app:v1", imagePullPolicy: "IfNotPresent", command: SERVE, ...container };
  return deploymentOf(name, replicas, { terminationGracePeriodSeconds: 2, containers: [app] }, spec);
}

const rolledOut = async (name: string, seconds = 90): Promise<string> => await kubectl("rollout", "status", `deployment/${name}`, `--timeout=${seconds}s`);
const podsOf = async (name: string): Promise<readonly any[]> => await cluster.pods(`app=${name}`);
const setsOf = async (name: string): Promise<readonly any[]> => (await cluster.get("replicasets", "-l", `app=${name}`)).items;
const sizesOf = async (name: string): Promise<Record<string, string>> => {
  const sets = await setsOf(name);
  return Object.fromEntries(
    sets.map(({ spec, status }) => [spec.template.spec.containers[0].image.split(":")[1], `${spec.replicas}/${status.availableReplicas ?? 0}`]),
  );
};
const conditionOf = async (name: string, type: string): Promise<string> => {
  const { status } = await cluster.get("deployment", name);
  const found = status.conditions.find((one: any) => one.type === type);
  return `${found?.status} ${found?.reason}`;
};

/** Messages of a Deployment's events, in the order of `kubectl describe`. */
async function eventsIn(described: string): Promise<readonly string[]> {
  return described.split("\n").flatMap((line) => /^\s+Normal\s+ScalingReplicaSet\s+\S+\s+(?:\(.*\)\s+)?deployment-controller\s+(.*)$/.exec(line)?.[1] ?? []);
}

const namesIn = ({ rows }: Watched): ReadonlySet<string | undefined> => new Set(rows.map(([, name]) => name));
const counted = (text: string | undefined): number => (text === "<none>" || text === undefined ? 0 : Number(text));

describe("a rolling update of ten replicas at 25 % / 25 %", { timeout: 300_000 }, () => {
  test("never has more than thirteen pods or fewer than eight available, and its numbers are right at every moment", async () => {
    await cluster.apply({ ...deployment("web", 10), metadata: { name: "web", labels: { app: "web" } } });
    await rolledOut("web");
    expect(await kubectl("get", "deployment", "web", "--no-headers")).toMatch(/^web\s+10\/10\s+10\s+10\s/);
    const program = await findKubectl();
    const [states, pods] = [
      new Watched(program, cluster.environment, "deployments", "app=web", {
        ALL: ".status.replicas",
        UPDATED: ".status.updatedReplicas",
        READY: ".status.readyReplicas",
        AVAILABLE: ".status.availableReplicas",
        UNAVAILABLE: ".status.unavailableReplicas",
      }),
      new Watched(program, cluster.environment, "pods", "app=web", {
        NAME: ".metadata.name",
        IMAGE: ".spec.containers[0].image",
        DELETED: ".metadata.deletionTimestamp",
        READY: '.status.conditions[?(@.type=="Ready")].status',
      }),
    ];
    await using _ = states;
    await using __ = pods;
    await eventually(async () => expect([states.rows.length > 0, namesIn(pods).size]).toEqual([true, 10]));
    await kubectl("set", "image", "deployment/web", "app=local/app:v2");
    await rolledOut("web");
    await eventually(async () => expect(states.rows.at(-1)).toEqual(["MODIFIED", "10", "10", "10", "10", "<none>"]));
    for (const [, all, updated, ready, available, unavailable] of states.rows) {
      const shown = { all: counted(all), updated: counted(updated), ready: counted(ready), available: counted(available), unavailable: counted(unavailable) };
      expect(shown.all, JSON.stringify(shown)).toBeLessThanOrEqual(13);
      expect(shown.available, JSON.stringify(shown)).toBeGreaterThanOrEqual(8);
      expect(shown.available, JSON.stringify(shown)).toBeLessThanOrEqual(shown.ready);
      expect(shown.ready, JSON.stringify(shown)).toBeLessThanOrEqual(shown.all);
      expect(shown.updated, JSON.stringify(shown)).toBeLessThanOrEqual(10);
      expect(shown.available + shown.unavailable, JSON.stringify(shown)).toBeGreaterThanOrEqual(10);
      expect(shown.available + shown.unavailable, JSON.stringify(shown)).toBeLessThanOrEqual(13);
    }
    expect(replay(pods.rows)).toEqual({
      fewestReady: expect.toSatisfy((count: number) => count >= 8),
      mostActive: expect.toSatisfy((count: number) => count <= 13),
    });
    expect(new Set((await podsOf("web")).map(({ spec }) => spec.containers[0].image))).toEqual(new Set(["local/app:v2"]));
  });

  /** What was there of pods after each event, from what the watch said of each. */
  function replay(rows: readonly (readonly string[])[]): { readonly fewestReady: number; readonly mostActive: number } {
    const pods = new Map<string, { readonly active: boolean; readonly ready: boolean }>();
    let [fewestReady, mostActive] = [Infinity, 0];
    let isComplete = false; // the ten that were there are told one by one
    for (const [type, name = "", , deleted, ready] of rows) {
      if (type === "DELETED") pods.delete(name);
      else pods.set(name, { active: deleted === "<none>", ready: ready === "True" });
      isComplete ||= pods.size === 10;
      if (!isComplete) continue;
      const active = [...pods.values()].filter((one) => one.active);
      fewestReady = Math.min(fewestReady, active.filter((one) => one.ready).length);
      mostActive = Math.max(mostActive, active.length);
    }
    return { fewestReady, mostActive };
  }

  test("tells its steps as the arithmetic has them, and describes itself as the books do", async () => {
    const described = await kubectl("describe", "deployment", "web");
    const [fresh, old] = (await setsOf("web")).toSorted((a, b) => b.spec.replicas - a.spec.replicas).map(({ metadata }) => metadata.name);
    const told = await eventsIn(described);
    expect(told[0]).toBe(`Scaled up replica set ${old} to 10`);
    expect(told[1]).toBe(`Scaled up replica set ${fresh} to 3`);
    expect(told[2]).toBe(`Scaled down replica set ${old} to 8 from 10`);
    expect(told[3]).toBe(`Scaled up replica set ${fresh} to 5 from 3`);
    const sizes: Record<string, number> = { [old]: 10, [fresh]: 3 };
    for (const line of told.slice(2)) {
      const [, direction, name, to, from] = /^Scaled (up|down) replica set (\S+) to (\d+) from (\d+)$/.exec(line)!;
      expect(Number(from), line).toBe(sizes[name!]);
      expect(Number(to) > Number(from), line).toBe(direction === "up");
      sizes[name!] = Number(to);
      expect((sizes[old] ?? 0) + (sizes[fresh] ?? 0), line).toBeLessThanOrEqual(13);
    }
    expect(sizes).toEqual({ [old]: 0, [fresh]: 10 });
    expect(described).toMatch(/^Replicas:\s+10 desired \| 10 updated \| 10 total \| 10 available \| 0 unavailable$/m);
    expect(described).toMatch(/^StrategyType:\s+RollingUpdate$/m);
    expect(described).toMatch(/^RollingUpdateStrategy:\s+25% max unavailable, 25% max surge$/m);
    expect(described).toMatch(/^\s+Available\s+True\s+MinimumReplicasAvailable$/m);
    expect(described).toMatch(/^\s+Progressing\s+True\s+NewReplicaSetAvailable$/m);
    expect(described).toContain(`OldReplicaSets:  ${old} (0/0 replicas created)`);
    expect(described).toContain(`NewReplicaSet:   ${fresh} (10/10 replicas created)`);
    expect(described).toMatch(/^Annotations:\s+deployment.kubernetes.io\/revision: 2$/m);
  });

  test("a bad image stops it with eight old replicas serving; scaling it in the middle shares out by size", async () => {
    await kubectl("set", "image", "deployment/web", "app=local/none:v9");
    await eventually(async () => expect(await sizesOf("web")).toMatchObject({ v2: "8/8", v9: "5/0" }), 120_000);
    await eventually(async () => {
      expect(await kubectl("get", "deployment", "web", "--no-headers")).toMatch(/^web\s+8\/10\s+5\s+8\s/);
      expect([await conditionOf("web", "Available"), await conditionOf("web", "Progressing")]).toEqual([
        "True MinimumReplicasAvailable",
        "True ReplicaSetUpdated",
      ]);
    });
    await kubectl("scale", "deployment", "web", "--replicas=15");
    await eventually(async () => expect(await sizesOf("web")).toMatchObject({ v2: "12/12", v9: "7/0" }), 120_000);
    await kubectl("scale", "deployment", "web", "--replicas=5");
    await eventually(async () => expect(await sizesOf("web")).toMatchObject({ v2: "4/4", v9: "3/0" }), 120_000);
  });

  test("undo goes back to the template before, whose set is used again under a new revision", async () => {
    const before = (await setsOf("web")).find(({ spec }) => spec.template.spec.containers[0].image === "local/app:v2");
    expect(await kubectl("rollout", "undo", "deployment/web")).toBe("deployment.apps/web rolled back");
    await rolledOut("web");
    const history = await kubectl("rollout", "history", "deployment/web");
    expect(
      history
        .split("\n")
        .slice(2)
        .map((line) => line.split(/\s+/)[0]),
    ).toEqual(["1", "3", "4"]);
    const after = (await setsOf("web")).find(({ spec }) => spec.template.spec.containers[0].image === "local/app:v2");
    expect([
      after.metadata.uid,
      after.metadata.annotations["deployment.kubernetes.io/revision"],
      after.metadata.annotations["deployment.kubernetes.io/revision-history"],
    ]).toEqual([before.metadata.uid, "4", "2"]);
    expect(await kubectl("rollout", "history", "deployment/web", "--revision=1")).toContain("local/app:v1");
    expect(await kubectl("rollout", "undo", "deployment/web", "--to-revision=1")).toBe("deployment.apps/web rolled back");
    await rolledOut("web");
    expect(new Set((await podsOf("web")).map(({ spec }) => spec.containers[0].image))).toEqual(new Set(["local/app:v1"]));
    await expect(kubectl("rollout", "undo", "deployment/web", "--to-revision=77")).rejects.toThrow("unable to find specified revision 77 in history");
  });

  test("deleting it takes its sets, its pods and their containers", async () => {
    await kubectl("delete", "deployment", "web", "--cascade=foreground");
    expect(await kubectl("get", "replicasets,pods", "-l", "app=web", "-o", "name")).toBe("");
    await eventually(async () => expect(await strataOutput(cluster.root, "ps", "-aq")).toBe(""));
  });
});

describe("a Deployment", { timeout: 300_000 }, () => {
  test("that is paused takes changes and rolls them as one when it is resumed; a restart is a roll as well", async () => {
    await cluster.apply(deployment("calm", 2));
    await rolledOut("calm");
    await kubectl("rollout", "pause", "deployment/calm");
    await eventually(async () => expect(await conditionOf("calm", "Progressing")).toBe("Unknown DeploymentPaused"));
    await kubectl("set", "image", "deployment/calm", "app=local/app:v2");
    await kubectl("set", "env", "deployment/calm", "A=b");
    await kubectl("scale", "deployment", "calm", "--replicas=3");
    await eventually(async () => expect(await sizesOf("calm")).toEqual({ v1: "3/3" }));
    await kubectl("rollout", "resume", "deployment/calm");
    await rolledOut("calm");
    expect(await sizesOf("calm")).toEqual({ v1: "0/0", v2: "3/3" });
    const before = (await podsOf("calm")).map(({ metadata }) => metadata.uid);
    expect(await kubectl("rollout", "restart", "deployment/calm")).toBe("deployment.apps/calm restarted");
    await rolledOut("calm");
    const after = await podsOf("calm");
    expect(after.filter(({ metadata }) => before.includes(metadata.uid))).toEqual([]);
    expect(after[0].metadata.annotations["kubectl.kubernetes.io/restartedAt"]).toMatch(/^\d{4}-/);
    expect((await setsOf("calm")).length).toBe(3);
    await kubectl("rollout", "pause", "deployment/calm");
    await expect(kubectl("rollout", "undo", "deployment/calm")).rejects.toThrow("you cannot rollback a paused deployment");
    await kubectl("rollout", "resume", "deployment/calm");
  });

  test("keeps no more old sets than revisionHistoryLimit says", async () => {
    await kubectl("patch", "deployment", "calm", "-p", '{"spec":{"revisionHistoryLimit":1}}');
    await eventually(async () => expect(await setsOf("calm")).toHaveLength(2));
    await kubectl("patch", "deployment", "calm", "-p", '{"spec":{"revisionHistoryLimit":0}}');
    await eventually(async () => expect(await setsOf("calm")).toHaveLength(1));
    await expect(kubectl("rollout", "undo", "deployment/calm")).rejects.toThrow("no rollout history found");
  });

  test("whose selector is changed is refused, as is one that its pods do not match", async () => {
    await expect(
      kubectl("patch", "deployment", "calm", "-p", '{"spec":{"selector":{"matchLabels":{"app":"x"}},"template":{"metadata":{"labels":{"app":"x"}}}}}'),
    ).rejects.toThrow('The Deployment "calm" is invalid: spec.selector: Invalid value: {"matchLabels":{"app":"x"}}: field is immutable');
    await kubectl("delete", "deployment", "calm");
  });

  test("that makes no progress within its deadline fails, and so does the wait for it", async () => {
    await cluster.apply(deployment("late", 1, { progressDeadlineSeconds: 3 }, { image: "local/none:v1" }));
    await expect(kubectl("rollout", "status", "deployment/late", "--timeout=120s")).rejects.toMatchObject({
      code: 1,
      stderr: expect.stringContaining('error: deployment "late" exceeded its progress deadline'),
    });
    expect(await conditionOf("late", "Progressing")).toBe("False ProgressDeadlineExceeded");
    const { status } = await cluster.get("deployment", "late");
    const [set] = await setsOf("late");
    expect(status.conditions.find((one: any) => one.type === "Progressing").message).toBe(`ReplicaSet "${set.metadata.name}" has timed out progressing.`);
    await cluster.apply(deployment("late", 1, { progressDeadlineSeconds: 600 })); // three seconds may be too few for a pod, too
    expect(await rolledOut("late")).toContain("successfully rolled out");
    expect(await conditionOf("late", "Progressing")).toBe("True NewReplicaSetAvailable");
    await kubectl("delete", "deployment", "late");
  });

  test("with minReadySeconds has ready replicas that are not available yet", async () => {
    await cluster.apply(deployment("slow", 2, { minReadySeconds: 12 })); // as long as somebody who looks now and then may miss it
    await eventually(async () => {
      const { status } = await cluster.get("deployment", "slow");
      expect([status.readyReplicas, status.availableReplicas ?? 0, status.unavailableReplicas]).toEqual([2, 0, 2]);
    });
    await rolledOut("slow");
    const { status } = await cluster.get("deployment", "slow");
    expect([status.availableReplicas, status.unavailableReplicas]).toEqual([2, undefined]);
    for (const pod of await podsOf("slow")) {
      const ready = pod.status.conditions.find((one: any) => one.type === "Ready");
      expect(Date.now() - Date.parse(ready.lastTransitionTime)).toBeGreaterThanOrEqual(12_000);
    }
    await kubectl("delete", "deployment", "slow");
  });

  test("that is recreated has no old pod left when the first new one is made", async () => {
    await cluster.apply(deployment("anew", 2, { strategy: { type: "Recreate" } }));
    await rolledOut("anew");
    await using pods = new Watched(await findKubectl(), cluster.environment, "pods", "app=anew", {
      NAME: ".metadata.name",
      IMAGE: ".spec.containers[0].image",
      PHASE: ".status.phase",
    });
    await eventually(async () => expect(namesIn(pods).size).toBe(2));
    await kubectl("set", "image", "deployment/anew", "app=local/app:v2");
    await rolledOut("anew");
    await eventually(async () => expect(pods.rows.filter(([type, , image]) => type === "DELETED" && image === "local/app:v1")).toHaveLength(2));
    const firstNew = pods.rows.findIndex(([, , image]) => image === "local/app:v2");
    const before = new Map(pods.rows.slice(0, firstNew).map(([type, name, , phase]) => [name, type === "DELETED" ? "gone" : phase]));
    expect([...before.values()].filter((phase) => !["gone", "Succeeded", "Failed"].includes(phase!))).toEqual([]);
    await kubectl("delete", "deployment", "anew");
  });
});

describe("a ReplicaSet", { timeout: 300_000 }, () => {
  const set = (name: string, replicas: number): any => {
    const made: any = deployment(name, replicas);
    return { ...made, kind: "ReplicaSet" };
  };

  test("takes in a pod of its own label, lets one go whose label changes, and keeps its number", async () => {
    await cluster.apply(set("flock", 2));
    await eventually(async () => expect((await cluster.get("rs", "flock")).status.readyReplicas).toBe(2));
    const [first] = await podsOf("flock");
    await kubectl("label", "pod", first.metadata.name, "app=strayed", "--overwrite");
    await eventually(async () => {
      expect((await podsOf("flock")).map(({ metadata }) => metadata.name)).not.toContain(first.metadata.name);
      expect(await podsOf("flock")).toHaveLength(2);
    });
    await eventually(async () => {
      const strayed = await cluster.get("pod", first.metadata.name);
      expect([strayed.metadata.ownerReferences, strayed.status.phase]).toEqual([undefined, "Running"]);
    });
    await kubectl("scale", "rs", "flock", "--replicas=3");
    await kubectl("label", "pod", first.metadata.name, "app=flock", "--overwrite");
    await eventually(async () => {
      const pods = await podsOf("flock");
      expect(pods.map(({ metadata }) => metadata.ownerReferences?.[0].name)).toEqual(["flock", "flock", "flock"]);
      expect((await cluster.get("rs", "flock")).status).toMatchObject({ replicas: 3, fullyLabeledReplicas: 3, readyReplicas: 3, availableReplicas: 3 });
    });
    expect(await kubectl("describe", "rs", "flock")).toMatch(/Normal\s+SuccessfulCreate\s+.*replicaset-controller\s+Created pod: flock-/);
    await kubectl("delete", "rs", "flock");
  });

  test("that may not make its pods says so, and its Deployment with it", async () => {
    await cluster.apply({ apiVersion: "v1", kind: "ServiceAccount", metadata: { name: "known" } });
    const made: any = deployment("barred", 2);
    made.spec.template.spec.serviceAccountName = "ghost";
    await cluster.apply(made);
    await eventually(async () => expect(await conditionOf("barred", "ReplicaFailure")).toBe("True FailedCreate"));
    await eventually(async () =>
      expect(await kubectl("describe", "rs", "-l", "app=barred")).toMatch(
        /Warning\s+FailedCreate\s+.*replicaset-controller\s+Error creating: pods "barred-\w+-\w{5}" is forbidden: error looking up service account default\/ghost: serviceaccount "ghost" not found/,
      ),
    );
    await kubectl("delete", "deployment", "barred");
  });
});

test("a namespace that goes takes its Deployments, claims and containers with it, and can come again", { timeout: 300_000 }, async () => {
  await kubectl("create", "namespace", "team");
  const claim = { accessModes: ["ReadWriteOnce"], resources: { requests: { storage: "1Mi" } } };
  const made: any = deployment("work", 2);
  made.metadata.namespace = "team";
  made.spec.template.spec.volumes = [{ name: "data", persistentVolumeClaim: { claimName: "data" } }];
  made.spec.template.spec.containers[0].volumeMounts = [{ name: "data", mountPath: "/data" }];
  await cluster.apply({ apiVersion: "v1", kind: "PersistentVolumeClaim", metadata: { name: "data", namespace: "team" }, spec: claim }, made);
  await kubectl("rollout", "status", "deployment/work", "-n", "team", "--timeout=120s");
  await kubectl("delete", "namespace", "team", "--timeout=120s");
  expect(await kubectl("get", "deployments,replicasets,pods,persistentvolumeclaims", "-n", "team", "-o", "name")).toBe("");
  await eventually(async () => expect(await strataOutput(cluster.root, "ps", "-aq")).toBe(""));
  await kubectl("create", "namespace", "team");
  await kubectl("wait", "--for=jsonpath={.status.phase}=Active", "namespace/team", "--timeout=120s");
  await kubectl("delete", "namespace", "team");
});
