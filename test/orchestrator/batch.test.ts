/** Jobs and CronJobs as their users meet them: strata up, kubectl, real containers, the real clock. */
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { strataOutput } from "../support/cli.ts";
import { eventually, TestCluster } from "../support/cluster.ts";

let cluster: TestCluster;

beforeAll(async () => {
  cluster = await TestCluster.start(async (root) => void (await strataOutput(root, "base", "create", "local/work:v1", "--bin", "sh,cat,echo,sleep")));
  await startClocks();
});

afterAll(async () => await cluster[Symbol.asyncDispose]());

const POLICIES = ["Allow", "Forbid", "Replace"];

/** CronJobs that fall due within a minute, while the other tests run; all but the first have missed a time, and start a Job at once. */
async function startClocks(): Promise<void> {
  const schedule = "* * * * *";
  await cluster.apply(
    cronJob("clock", { schedule, timeZone: "Asia/Kolkata" }, "echo tick; cat /etc/hostname"),
    cronJob("history", { schedule, successfulJobsHistoryLimit: 1 }, "echo done"),
    ...POLICIES.map((policy) => cronJob(policy.toLowerCase(), { schedule, concurrencyPolicy: policy }, "exec sleep 600")),
  );
  const missed = JSON.stringify({ status: { lastScheduleTime: new Date(Date.now() - 120_000).toISOString().replace(/\.\d+/, "") } });
  for (const name of ["history", ...POLICIES.map((policy) => policy.toLowerCase())])
    await cluster.kubectl("patch", "cronjob", name, "--subresource=status", "--type=merge", "-p", missed);
}

const kubectl = async (...args: readonly string[]): Promise<string> => await cluster.kubectl(...args);
const DONE = ["--for=condition=complete", "--timeout=120s"];

function template(script: string, more: object = {}): object {
  return {
    spec: {
      restartPolicy: "Never",
      terminationGracePeriodSeconds: 1,
      containers: [{ name: "main", image: "local/work:v1", command: ["sh", "-c", script] }],
      ...more,
    },
  };
}

function job(name: string, spec: object, script: string, more: object = {}): object {
  return { apiVersion: "batch/v1", kind: "Job", metadata: { name }, spec: { ...spec, template: template(script, more) } };
}

function cronJob(name: string, spec: object, script: string): object {
  return { apiVersion: "batch/v1", kind: "CronJob", metadata: { name }, spec: { ...spec, jobTemplate: { spec: { template: template(script) } } } };
}

async function podsOf(name: string): Promise<readonly any[]> {
  return (await cluster.get("pods", "-l", `job-name=${name}`)).items;
}

async function statusOf(name: string): Promise<any> {
  return (await cluster.get("job", name)).status;
}

const conditions = (status: any): string[] => (status.conditions ?? []).map(({ type, reason }: any) => `${type} ${reason}`);

describe("a Job", { timeout: 300_000 }, () => {
  test("runs to completion, several pods at once, and tells its story", async () => {
    await cluster.apply(job("pi", { completions: 3, parallelism: 2 }, "echo 3.14159"));
    await kubectl("wait", ...DONE, "job/pi");
    expect(await kubectl("get", "job", "pi", "--no-headers")).toMatch(/^pi\s+Complete\s+3\/3\s+\d+s\s+\d+s$/);
    expect(await kubectl("logs", "job/pi")).toBe("3.14159");
    const status = await statusOf("pi");
    expect(status).toMatchObject({ succeeded: 3, ready: 0, terminating: 0, uncountedTerminatedPods: {} });
    expect(conditions(status)).toEqual(["SuccessCriteriaMet CompletionsReached", "Complete CompletionsReached"]);
    const pods = await podsOf("pi");
    expect(pods.map(({ status: { phase } }) => phase)).toEqual(["Succeeded", "Succeeded", "Succeeded"]);
    expect(pods.flatMap(({ metadata }) => metadata.finalizers ?? [])).toEqual([]);
    await eventually(async () => {
      const described = await kubectl("describe", "job", "pi");
      expect(described).toMatch(/Pods Statuses:\s+0 Active \(0 Ready\) \/ 3 Succeeded \/ 0 Failed/);
      expect(described.match(/Normal\s+SuccessfulCreate\s.*Created pod: pi-\w{5}/g)).toHaveLength(3);
      expect(described).toMatch(/Normal\s+Completed\s.*Job completed/);
    });
  });

  test("over an index gives each pod its number", async () => {
    await cluster.apply(job("fan", { completions: 4, parallelism: 4, completionMode: "Indexed" }, 'echo "$JOB_COMPLETION_INDEX of $(cat /etc/hostname)"'));
    await kubectl("wait", ...DONE, "job/fan");
    expect((await statusOf("fan")).completedIndexes).toBe("0-3");
    const pods = await podsOf("fan");
    const names = pods.map(({ metadata }) => metadata.name as string).toSorted();
    expect(names).toEqual([0, 1, 2, 3].map((index) => expect.stringMatching(new RegExp(`^fan-${index}-\\w{5}$`)) as string));
    const said = await kubectl("logs", "-l", "job-name=fan", "--tail=-1");
    expect(said.split("\n").toSorted()).toEqual(["0 of fan-0", "1 of fan-1", "2 of fan-2", "3 of fan-3"]);
  });

  test("fails beyond its backoffLimit, and says why", async () => {
    await cluster.apply(job("bad", { backoffLimit: 0, completions: 2, parallelism: 2 }, "sleep 0.5; exit 3"));
    await kubectl("wait", "--for=condition=failed", "--timeout=120s", "job/bad");
    const status = await statusOf("bad");
    expect(conditions(status)).toEqual(["FailureTarget BackoffLimitExceeded", "Failed BackoffLimitExceeded"]);
    expect(status).toMatchObject({ failed: 2 });
    await eventually(async () =>
      expect(await kubectl("describe", "job", "bad")).toMatch(/Warning\s+BackoffLimitExceeded\s.*Job has reached the specified backoff limit/),
    );
  });

  test("whose container restarts in place fails after as many restarts", async () => {
    await cluster.apply(job("restless", { backoffLimit: 1 }, "exit 1", { restartPolicy: "OnFailure" }));
    await kubectl("wait", "--for=condition=failed", "--timeout=120s", "job/restless");
    expect(conditions(await statusOf("restless"))).toContain("Failed BackoffLimitExceeded");
    await eventually(async () => expect(await podsOf("restless")).toEqual([]));
  });

  test("ends at an exit code that its podFailurePolicy names", async () => {
    const rules = [{ action: "FailJob", onExitCodes: { containerName: "main", operator: "In", values: [42] } }];
    await cluster.apply(job("policy", { backoffLimit: 6, podFailurePolicy: { rules } }, "exit 42"));
    await kubectl("wait", "--for=condition=failed", "--timeout=120s", "job/policy");
    const { conditions: found } = await statusOf("policy");
    expect(found[1]).toMatchObject({ type: "Failed", reason: "PodFailurePolicy" });
    expect(found[1].message).toMatch(/^Container main for pod default\/policy-\w{5} failed with exit code 42 matching FailJob rule at index 0$/);
  });

  test("past its deadline is stopped", async () => {
    await cluster.apply(job("slow", { activeDeadlineSeconds: 1 }, "exec sleep 600"));
    await kubectl("wait", "--for=condition=failed", "--timeout=120s", "job/slow");
    expect(conditions(await statusOf("slow"))).toContain("Failed DeadlineExceeded");
    await eventually(async () => expect(await podsOf("slow")).toEqual([]));
  });

  test("is suspended and resumed", async () => {
    await cluster.apply(job("pause", { suspend: true }, "exec sleep 600"));
    await kubectl("wait", "--for=condition=suspended", "--timeout=120s", "job/pause");
    expect(await podsOf("pause")).toEqual([]);
    await kubectl("patch", "job", "pause", "--type=merge", "-p", '{"spec":{"suspend":false}}');
    await eventually(async () => expect(await statusOf("pause")).toMatchObject({ active: 1, ready: 1 }));
    await kubectl("patch", "job", "pause", "--type=merge", "-p", '{"spec":{"suspend":true}}');
    await eventually(async () => {
      expect(await podsOf("pause")).toEqual([]);
      const status = await statusOf("pause");
      expect(status.active).toBeUndefined();
      expect(status.startTime).toBeUndefined();
    });
  });

  test("takes its pods with it, or leaves them when told to", async () => {
    await cluster.apply(job("gone", {}, "exec sleep 600"), job("left", {}, "exec sleep 600"));
    await eventually(async () => expect([await statusOf("gone"), await statusOf("left")]).toMatchObject([{ ready: 1 }, { ready: 1 }]));
    await kubectl("delete", "job", "gone");
    await eventually(async () => expect(await podsOf("gone")).toEqual([]));
    await kubectl("delete", "job", "left", "--cascade=orphan");
    await eventually(async () => {
      const [pod] = await podsOf("left");
      expect(pod.status.phase).toBe("Running");
      expect([pod.metadata.ownerReferences, pod.metadata.finalizers]).toEqual([undefined, undefined]);
    });
    await kubectl("delete", "pod", "-l", "job-name=left");
  });

  test("goes with its namespace", async () => {
    await kubectl("create", "namespace", "team");
    await kubectl("create", "job", "work", "--namespace=team", "--image=local/work:v1", "--", "sleep", "600");
    await kubectl("wait", "--namespace=team", "--for=jsonpath={.status.ready}=1", "--timeout=120s", "job/work");
    await kubectl("delete", "pod", "--namespace=team", "-l", "job-name=work", "--grace-period=1", "--wait=false");
    await kubectl("delete", "namespace", "team", "--timeout=120s");
  });

  test("is removed with its pods ttlSecondsAfterFinished after its end", async () => {
    await cluster.apply(job("brief", { ttlSecondsAfterFinished: 8 }, "echo done"));
    await kubectl("wait", ...DONE, "job/brief");
    await kubectl("wait", "--for=delete", "--timeout=120s", "job/brief");
    await eventually(async () => expect(await podsOf("brief")).toEqual([]));
  });

  test("counts each pod once and makes none twice, though the control plane is killed again and again", async () => {
    await cluster.apply(job("steady", { completions: 6, parallelism: 2, backoffLimit: 0 }, "sleep 1"));
    for (let kill = 0; kill < 3; kill++) {
      await eventually(async () => expect((await statusOf("steady")).succeeded ?? 0).toBeGreaterThanOrEqual(kill), 120_000);
      await cluster.restart("SIGKILL");
    }
    await kubectl("wait", ...DONE, "job/steady");
    expect(await statusOf("steady")).toMatchObject({ succeeded: 6, uncountedTerminatedPods: {} });
    expect((await statusOf("steady")).failed).toBeUndefined();
    expect(await podsOf("steady")).toHaveLength(6);
  });
});

describe("a CronJob", { timeout: 300_000 }, () => {
  test("lends its template to a Job by hand", async () => {
    await kubectl("create", "cronjob", "yearly", "--image=local/work:v1", "--schedule=@yearly", "--", "echo", "by hand");
    await kubectl("create", "job", "now", "--from=cronjob/yearly");
    await kubectl("wait", ...DONE, "job/now");
    expect(await kubectl("logs", "job/now")).toBe("by hand");
    expect((await cluster.get("job", "now")).metadata.annotations).toMatchObject({ "cronjob.kubernetes.io/instantiate": "manual" });
    expect(await kubectl("get", "cronjob", "yearly", "--no-headers")).toMatch(/^yearly\s+@yearly\s+<none>\s+False\s+[01]\s+<none>\s+\d+s$/);
    await kubectl("delete", "cronjob", "yearly");
    await eventually(async () => expect(await kubectl("get", "jobs,pods", "-l", "job-name=now", "-o", "name")).toBe(""));
  });

  test("makes a Job when the clock says so, in its zone, and keeps the record", async () => {
    const made = await eventually(async () => {
      expect((await cluster.get("cronjob", "clock")).status.lastSuccessfulTime).toBeDefined();
      const ended = (await cluster.get("jobs")).items.filter(({ metadata, status }: any) => /^clock-\d+$/.test(metadata.name) && status.succeeded === 1);
      expect(ended).not.toEqual([]);
      return ended.at(-1); // not the last that was begun: it may be this second's
    }, 300_000);
    const scheduled = made.metadata.annotations["batch.kubernetes.io/cronjob-scheduled-timestamp"];
    expect(made.metadata.name).toBe(`clock-${Date.parse(scheduled) / 60_000}`);
    expect(made.metadata.annotations["batch.kubernetes.io/cronjob-scheduled-timestamp"]).toMatch(/:00\+05:30$/);
    expect(made.metadata.ownerReferences).toMatchObject([{ kind: "CronJob", name: "clock", controller: true }]);
    expect(await kubectl("logs", `job/${made.metadata.name}`)).toMatch(/^tick\nclock-\d+-\w{5}$/);
    await eventually(async () => {
      const described = await kubectl("describe", "cronjob", "clock");
      expect(described).toMatch(/Normal\s+SuccessfulCreate\s.*Created job clock-\d+/);
      expect(described).toMatch(/Normal\s+SawCompletedJob\s.*Saw completed job: clock-\d+, condition: Complete/);
    });
  });

  test.each([
    { policy: "allow", story: /Normal\s+SuccessfulCreate\s.*Created job allow-\d+[^]*Created job allow-\d+/ },
    { policy: "forbid", story: /Normal\s+JobAlreadyActive\s.*Not starting job because prior execution is running and concurrency policy is Forbid/ },
    { policy: "replace", story: /Normal\s+SuccessfulDelete\s.*Deleted job replace-\d+/ },
  ])("whose last Job still runs obeys its concurrencyPolicy: $policy", async ({ policy, story }) => {
    await eventually(async () => expect(await kubectl("describe", "cronjob", policy)).toMatch(story), 120_000);
    await eventually(async () => {
      const { status } = await cluster.get("cronjob", policy);
      const jobs = (await cluster.get("jobs")).items.filter(({ metadata }: any) => metadata.ownerReferences?.[0]?.name === policy);
      expect(jobs.map(({ metadata }: any) => metadata.name).toSorted()).toEqual(status.active.map(({ name }: any) => name).toSorted());
      if (policy === "allow") expect(jobs.length).toBeGreaterThanOrEqual(2);
      else expect(jobs).toHaveLength(1);
    });
    await kubectl("delete", "cronjob", policy);
  });

  test("keeps as many ended Jobs as it is told to", async () => {
    await eventually(
      async () => expect(await kubectl("describe", "cronjob", "history")).toMatch(/Normal\s+SuccessfulDelete\s.*Deleted job history-\d+/),
      90_000,
    );
    await eventually(async () => {
      const ended = (await cluster.get("jobs")).items.filter(({ metadata, status }: any) => metadata.name.startsWith("history-") && status.succeeded === 1);
      expect(ended).toHaveLength(1);
    });
  });
});
