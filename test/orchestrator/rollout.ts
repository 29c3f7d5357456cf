/** A Deployment on paper: applies what the plan says to sets held in memory, step by step, with pods that get ready when told. */
import type { KubeObject } from "../../orchestrator/cluster.ts";
import { planDeployment, type Action } from "../../orchestrator/controllers/deployment/plan.ts";
import { REVISION } from "../../orchestrator/controllers/deployment/annotations.ts";
import { at, NOW } from "./objects.ts";

export class Rollout {
  deployment: KubeObject;
  sets: KubeObject[] = [];
  pods: KubeObject[] = [];
  /** Seconds since the start. */
  time = 0;
  /** `create web-a 3`, `resize web-a 2`… in order. */
  readonly done: string[] = [];

  constructor(deployment: KubeObject) {
    this.deployment = deployment;
  }

  edit(spec: object): void {
    const generation = (this.deployment.metadata.generation ?? 0) + 1;
    this.deployment = { ...this.deployment, metadata: { ...this.deployment.metadata, generation }, spec: { ...this.deployment.spec, ...spec } };
  }

  setImage(image: string): void {
    const { template } = this.deployment.spec;
    this.edit({ template: { ...template, spec: { ...template.spec, containers: [{ name: "main", image }] } } });
  }

  /** One look; true when it changed a set. */
  step(): boolean {
    const plan = planDeployment(this.deployment, this.sets, this.pods, NOW + this.time * 1000);
    for (const action of plan.actions) this.#apply(action);
    const annotations = plan.revision === undefined ? {} : { annotations: { [REVISION]: String(plan.revision) } };
    this.deployment = { ...this.deployment, metadata: { ...this.deployment.metadata, ...annotations }, status: plan.status };
    return plan.actions.length > 0;
  }

  /** Looks until nothing changes; pods of every set but `bad` images become ready at once. */
  settle(bad?: string): void {
    for (let round = 0; round < 100; round++) {
      const changed = this.step();
      this.report(bad);
      if (!changed && !this.step()) return;
    }
    throw new Error("Cannot settle the rollout: it goes on for ever");
  }

  /** What the ReplicaSet controller would report. */
  report(bad?: string): void {
    this.sets = this.sets.map((set) => {
      const ready = set.spec.template.spec.containers[0].image === bad ? 0 : set.spec.replicas;
      return { ...set, status: { replicas: set.spec.replicas, readyReplicas: ready, availableReplicas: ready, observedGeneration: set.metadata.generation } };
    });
  }

  /** `v1=3/3 v2=1/0`: image tag, size and available of each set. */
  get sizes(): string {
    return this.sets.map((set) => `${tag(set)}=${set.spec.replicas}/${set.status?.availableReplicas ?? 0}`).join(" ");
  }

  condition(type: string): string | undefined {
    const found = this.deployment.status?.conditions?.find((condition: { type: string }) => condition.type === type);
    return found === undefined ? undefined : `${found.status} ${found.reason}`;
  }

  #apply(action: Action): void {
    if (action.kind === "create") {
      const { draft } = action;
      const name = String(draft.metadata.name);
      const metadata = {
        ...draft.metadata,
        name,
        uid: `uid-${name}`,
        resourceVersion: "1",
        generation: 1,
        creationTimestamp: at(this.sets.length + this.time),
      };
      const set = { ...draft, metadata } as KubeObject;
      this.sets.push(set);
      this.done.push(`create ${tag(set)} ${action.replicas}`);
      return;
    }
    if (action.kind === "remove") {
      this.sets = this.sets.filter((set) => set !== action.set);
      this.done.push(`remove ${tag(action.set)}`);
      return;
    }
    this.sets = this.sets.map((set) => {
      if (set.metadata.uid !== action.set.metadata.uid) return set;
      const spec = action.kind === "resize" ? { ...set.spec, replicas: action.replicas } : set.spec;
      return { ...set, spec, metadata: { ...set.metadata, annotations: { ...set.metadata.annotations, ...action.annotations } } };
    });
    if (action.kind === "resize" && action.replicas !== action.set.spec.replicas) this.done.push(`resize ${tag(action.set)} ${action.replicas}`);
  }
}

function tag(set: KubeObject): string {
  return String(set.spec.template.spec.containers[0].image).split(":")[1] ?? "";
}
