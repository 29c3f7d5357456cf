/** What a stage knows at a line: environment, arguments, configuration so far. Lives for the planning of one stage. */
import type { ExecutionConfig } from "../../store/oci.ts";
import type { Directives, Instruction, Warning } from "../dockerfile/instruction.ts";
import { substitute, type Variables } from "../dockerfile/substitute.ts";
import { suggest } from "../dockerfile/suggest.ts";
import { stepLabel } from "./step-label.ts";
import type { GlobalArgs } from "./arguments.ts";
import type { Action, DeclaredArgs, HistoryPlan, Origin, Step } from "./graph.ts";

export const DEFAULT_PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";
const DEFAULT_SHELL = ["/bin/sh", "-c"];

/** Parts of the configuration that instructions add to, as thousands of lines may. */
type Collected = "Labels" | "ExposedPorts" | "Volumes";

type Draft = { -readonly [Key in keyof Omit<ExecutionConfig, "Env" | "OnBuild" | Collected>]: ExecutionConfig[Key] };

export interface StageScope {
  readonly globals: GlobalArgs;
  readonly buildArgs: ReadonlyMap<string, string>;
  readonly escape: Directives["escape"];
  /** Entitlements. */
  readonly allow: ReadonlySet<string> | undefined;
  /** Meaning of a `--from`. */
  readonly from: (name: string) => Origin;
  /** Number of the first step of this stage in the graph. */
  readonly firstStep: number;
  readonly stage: number;
}

/** What a stage stands on. */
export interface StageBase {
  readonly config: ExecutionConfig;
  readonly author: string | undefined;
  /** Of the parent stage: they are inherited. */
  readonly args: DeclaredArgs;
}

export class StageState {
  readonly scope: StageScope;
  /** A Map keeps its order: a name set again stays where it was. */
  readonly env: Map<string, string>;
  readonly args: Map<string, string | undefined>;
  readonly config: Draft;
  readonly onbuild: string[] = [];
  readonly steps: Omit<Step, "name">[] = [];
  readonly labels: string[] = [];
  readonly history: { entry: HistoryPlan["entry"]; step: number | undefined }[] = [];
  readonly warnings: Warning[] = [];
  author: string | undefined;
  /** CMD came in this stage: a later ENTRYPOINT keeps it. */
  ownCmd = false;
  readonly #collected: ReadonlyMap<Collected, Map<string, unknown>>;

  constructor(scope: StageScope, base: StageBase) {
    const { Env: env = [], OnBuild: _, Labels, ExposedPorts, Volumes, ...config } = withoutNulls(base.config);
    this.scope = scope;
    this.config = config;
    this.#collected = new Map(Object.entries({ Labels, ExposedPorts, Volumes }).map(([name, of]) => [name as Collected, new Map(Object.entries(of ?? {}))]));
    this.author = base.author;
    this.args = new Map(base.args);
    this.env = new Map(env.map((pair) => splitPair(pair)));
    if (!this.env.has("PATH")) this.env.set("PATH", DEFAULT_PATH);
  }

  get cwd(): string {
    return this.config.WorkingDir || "/";
  }

  get shell(): readonly string[] {
    return this.config.Shell ?? DEFAULT_SHELL;
  }

  /** Of a program, in the order in which names came. */
  environment(): ReadonlyMap<string, string> {
    const args = [...this.args].flatMap(([name, value]) => (value === undefined ? [] : [[name, value] as const]));
    return new Map([...args, ...this.env]);
  }

  /** As they are whenever it is asked. ENV wins over ARG of the same name, whichever came first, as the Dockerfile reference says. */
  variables(): Variables {
    const { args, env } = this;
    const get = (name: string): string | undefined => env.get(name) ?? args.get(name);
    const has = (name: string): boolean => get(name) !== undefined;
    return { get, has, keys: () => new Set([...args.keys(), ...env.keys()].filter(has)) };
  }

  collect(into: Collected, entries: Iterable<readonly [string, unknown]>): void {
    for (const [name, value] of entries) this.#collected.get(into)?.set(name, value);
  }

  expand(text: string, instruction: Instruction, variables: Variables = this.variables()): string {
    const { text: out, unset } = substitute(text, variables, { escape: this.scope.escape });
    this.#warn(unset, instruction, variables);
    return out;
  }

  expandWords(text: string, instruction: Instruction): readonly string[] {
    const variables = this.variables();
    const { words, unset } = substitute(text, variables, { escape: this.scope.escape });
    this.#warn(unset, instruction, variables);
    return words;
  }

  record(createdBy: string): void {
    this.history.push({ entry: this.#entry(createdBy, true), step: undefined });
  }

  /** Of a layer that no step makes. */
  recordLayer(createdBy: string): void {
    this.history.push({ entry: this.#entry(createdBy, false), step: undefined });
  }

  addStep(action: Action, instruction: Instruction, createdBy: string): void {
    this.history.push({ entry: this.#entry(createdBy, false), step: this.steps.length });
    this.steps.push({ id: this.scope.firstStep + this.steps.length, stage: this.scope.stage, place: instruction.place, action });
    this.labels.push(stepLabel(instruction, action, () => this.environment(), this.scope.escape));
  }

  executionConfig(): ExecutionConfig {
    const { Cmd, Entrypoint, ...config } = this.config;
    return {
      ...config,
      ...(Cmd === undefined || Cmd.length === 0 ? {} : { Cmd }), // an empty one is none
      ...(Entrypoint === undefined || Entrypoint.length === 0 ? {} : { Entrypoint }),
      ...Object.fromEntries([...this.#collected].flatMap(([name, map]) => (map.size === 0 ? [] : [[name, Object.fromEntries(map)]]))),
      ...(this.onbuild.length === 0 ? {} : { OnBuild: this.onbuild }),
      Env: [...this.env].map(([name, value]) => `${name}=${value}`),
    };
  }

  #entry(createdBy: string, isEmpty: boolean): HistoryPlan["entry"] {
    const author = this.author === undefined ? {} : { author: this.author };
    return { created_by: createdBy, ...author, comment: "buildkit.dockerfile.v0", ...(isEmpty ? { empty_layer: true } : {}) };
  }

  #warn(unset: ReadonlySet<string>, instruction: Instruction, variables: Variables): void {
    for (const name of unset) {
      if (this.args.has(name)) continue;
      const near = suggest(name, variables.keys());
      const message = `Usage of undefined variable '$${name}'${near === undefined ? "" : ` (did you mean $${near}?)`}`;
      this.warnings.push({ rule: "UndefinedVar", message, place: instruction.place });
    }
  }
}

/** docker writes null for what is not set. */
function withoutNulls(config: ExecutionConfig): ExecutionConfig {
  return Object.fromEntries(Object.entries(config).filter(([, value]) => value !== null));
}

export function splitPair(pair: string): [string, string] {
  const equals = pair.indexOf("=");
  return equals < 0 ? [pair, ""] : [pair.slice(0, equals), pair.slice(equals + 1)];
}
