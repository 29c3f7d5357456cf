/** Containers, by engines: run, exec, many at once, and what an idle one costs. The whole command, as a user types it. */
import { makeBase } from "../base.ts";
import { BASE_IMAGE } from "../builder.ts";
import { timed, type Case, type Phase, type Place, type Unit } from "../case.ts";
import { BenchError } from "../errors.ts";
import { supervisionOf } from "../load/supervision.ts";
import { startEngines, type Engine } from "../peers/engines.ts";

const MEMORY: Unit = { name: "MiB", better: "less" };
const IDLE = ["sleep", "10000"];
const IDLE_COUNT = 10;

interface ContainerPhase extends Phase {
  readonly work: (engine: Engine) => Promise<number>;
}

/** One that takes a tenth of a second says little. */
const SHORT_TURNS = 10;
const RUN_BUDGET = { docker: 0.35, podman: 0.5 };

const PHASES: readonly ContainerPhase[] = [
  {
    name: "run --rm IMAGE true, bridge network",
    turns: SHORT_TURNS,
    budget: RUN_BUDGET,
    work: async (engine) => await timed(async () => await runTrue(engine)),
  },
  {
    name: "the same, host network",
    turns: SHORT_TURNS,
    budget: RUN_BUDGET,
    work: async (engine) => await timed(async () => await runTrue(engine, "--network", "host")),
  },
  { name: "exec true", turns: SHORT_TURNS, budget: { docker: 0.7 }, work: execTrue },
  {
    name: "20 × run, 4 at once",
    turns: 3,
    budget: { docker: 0.25 },
    work: async (engine) => await timed(async () => await atOnce(20, 4, async () => await runTrue(engine))),
  },
  { name: "100 × run --detach, all at once", budget: {}, work: startMany },
  { name: `supervision of a running idle container, mean of ${IDLE_COUNT}`, unit: MEMORY, budget: {}, limit: 1, work: supervision },
];

export const containers: Case = {
  name: "containers",
  title: "containers",
  rounds: 3,
  peers: ["strata", "docker", "podman"],
  phases: PHASES,
  open: async (place: Place) => {
    const archive = await place.shared(makeBase);
    const engines = await place.shared(startEngines);
    for (const engine of engines) await engine.load(archive);
    return engines.map((engine) => ({
      name: engine.name,
      reset: async () => await removeAll(engine),
      measure: async ({ name }) => {
        const phase = PHASES.find((one) => one.name === name);
        if (phase === undefined) throw new BenchError(`Cannot measure ${name}`);
        const figure = await phase.work(engine);
        await removeAll(engine);
        return figure;
      },
    }));
  },
};

async function runTrue({ command, runFlags }: Engine, ...flags: readonly string[]): Promise<void> {
  await command("run", "--rm", ...runFlags, ...flags, BASE_IMAGE, "true");
}

async function runIdle({ command, runFlags }: Engine): Promise<string> {
  return (await command("run", "--detach", ...runFlags, BASE_IMAGE, ...IDLE)).trim();
}

async function execTrue(engine: Engine): Promise<number> {
  const id = await runIdle(engine);
  return await timed(async () => await engine.command("exec", id, "true"));
}

async function startMany(engine: Engine): Promise<number> {
  return await timed(async () => await atOnce(100, 100, async () => await runIdle(engine)));
}

async function supervision(engine: Engine): Promise<number> {
  const ids = await atOnce(IDLE_COUNT, 2, async () => await runIdle(engine));
  const pids = (await engine.command("inspect", "--format", "{{.State.Pid}}", ...ids)).trim().split("\n").map(Number);
  return supervisionOf(pids) / IDLE_COUNT;
}

/** In groups, since one command's line and docker's patience are bounded. */
async function removeAll({ command }: Engine): Promise<void> {
  const ids = (await command("ps", "--all", "--quiet", "--no-trunc")).split(/\s+/).filter((id) => id !== "");
  if (ids.length > 0) await command("rm", "--force", ...ids);
}

async function atOnce<T>(count: number, width: number, work: () => Promise<T>): Promise<readonly T[]> {
  const results: T[] = [];
  let begun = 0;
  const worker = async (): Promise<void> => {
    while (begun < count) {
      begun++;
      results.push(await work());
    }
  };
  await Promise.all(Array.from({ length: width }, worker));
  return results;
}
