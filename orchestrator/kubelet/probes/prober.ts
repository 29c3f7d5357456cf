/** The probes of one running instance: startup first, then readiness and liveness side by side. Spec: Kubernetes documentation, "Pod Lifecycle". */
import type { Clock } from "../../controllers/clock.ts";
import type { ContainerSpec, Probe } from "../pod-spec.ts";
import type { ProbeResults } from "../running.ts";
import type { Verdict } from "./verdict.ts";

export interface ProberOptions {
  readonly container: ContainerSpec;
  readonly clock: Clock;
  /** What a former node agent knew of this very instance. */
  readonly before?: { readonly started: boolean; readonly ready: boolean };
  readonly run: (probe: Probe, timeout: number) => Promise<Verdict>;
  readonly onChange: () => void;
  readonly onFailure: (kind: ProbeKind, message: string) => void;
}

export type ProbeKind = "Startup" | "Readiness" | "Liveness";

const EAGER_MS = 100;

/** Counts of successes and failures in a row. */
interface Streak {
  verdict: boolean | undefined;
  length: number;
}

export class Prober implements Disposable {
  readonly #options: ProberOptions;
  readonly #timers = new Set<Disposable>();
  #results: ProbeResults;
  #closed = false;
  #stopping = false;
  #everReady = false;

  constructor(options: ProberOptions) {
    this.#options = options;
    const { container, before } = options;
    this.#results = {
      started: container.startupProbe === undefined || before?.started === true,
      ready: container.readinessProbe === undefined || before?.ready === true,
    };
    if (this.#results.started) this.#runRest();
    else if (container.startupProbe !== undefined) this.#schedule("Startup", container.startupProbe, (container.startupProbe.initialDelaySeconds ?? 0) * 1000);
  }

  get results(): ProbeResults {
    return this.#results;
  }

  /** Liveness has no say about what is being stopped; readiness goes on. */
  stopLiveness(): void {
    this.#stopping = true;
  }

  [Symbol.dispose](): void {
    this.#closed = true;
    for (const timer of this.#timers) timer[Symbol.dispose]();
    this.#timers.clear();
  }

  #runRest(): void {
    const { readinessProbe, livenessProbe } = this.#options.container;
    if (readinessProbe !== undefined) this.#schedule("Readiness", readinessProbe, (readinessProbe.initialDelaySeconds ?? 0) * 1000);
    if (livenessProbe !== undefined) this.#schedule("Liveness", livenessProbe, (livenessProbe.initialDelaySeconds ?? 0) * 1000);
  }

  #schedule(kind: ProbeKind, probe: Probe, delay: number, streak: Streak = { verdict: undefined, length: 0 }): void {
    const timer = this.#options.clock.after(delay, () => {
      this.#timers.delete(timer);
      void this.#once(kind, probe, streak);
    });
    this.#timers.add(timer);
  }

  async #once(kind: ProbeKind, probe: Probe, streak: Streak): Promise<void> {
    if (this.#stopping && kind !== "Readiness") return;
    const verdict = await this.#options.run(probe, (probe.timeoutSeconds ?? 1) * 1000);
    if (this.#closed || (this.#stopping && kind !== "Readiness")) return;
    if (!verdict.ok) this.#options.onFailure(kind, verdict.message);
    streak.length = streak.verdict === verdict.ok ? streak.length + 1 : 1;
    streak.verdict = verdict.ok;
    const decided = streak.length >= (verdict.ok ? (probe.successThreshold ?? 1) : (probe.failureThreshold ?? 3));
    const over = decided && this.#decide(kind, probe, verdict.ok);
    if (!over) this.#schedule(kind, probe, this.#pace(kind, probe, streak), streak);
  }

  /** Until its first success readiness is asked sooner, then ever more slowly up to its period: nobody waits longer than a program takes to start. */
  #pace(kind: ProbeKind, probe: Probe, { length }: Streak): number {
    const period = (probe.periodSeconds ?? 10) * 1000;
    return kind === "Readiness" && !this.#everReady ? Math.min(period, EAGER_MS * 2 ** (length - 1)) : period;
  }

  /** True when this probe has said its last word. */
  #decide(kind: ProbeKind, probe: Probe, ok: boolean): boolean {
    if (kind === "Readiness") {
      this.#everReady ||= ok;
      this.#change({ ready: ok });
      return false;
    }
    if (kind === "Startup" && ok) {
      this.#change({ started: true });
      this.#runRest();
      return true;
    }
    if (ok) return false;
    const grace = probe.terminationGracePeriodSeconds;
    this.#change({ failed: { probe: kind === "Startup" ? "startup" : "liveness", ...(grace === undefined ? {} : { grace }) } });
    return true;
  }

  #change(results: Partial<ProbeResults>): void {
    const before = this.#results;
    this.#results = { ...before, ...results };
    if (before.started !== this.#results.started || before.ready !== this.#results.ready || this.#results.failed !== undefined) this.#options.onChange();
  }
}
