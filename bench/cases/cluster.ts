/** The orchestrator as its user meets it: the start, what it costs when nothing happens, and many pods at once. */
import type { Case, Phase, Unit } from "../case.ts";
import { BenchError } from "../errors.ts";
import { BenchCluster } from "../load/cluster.ts";
import { cpuOf, residentOf, treeOf } from "../load/process-tree.ts";

const MEMORY: Unit = { name: "MB", better: "less" };
const SHARE: Unit = { name: "%", better: "less" };
const REPLICAS = 100;
/** What the start left to do is done by then. */
const SETTLE_MS = 5_000;
const IDLE_MS = 30_000;

interface ClusterPhase extends Phase {
  readonly work: (cluster: BenchCluster) => Promise<number>;
}

const PHASES: readonly ClusterPhase[] = [
  { name: "strata up on a fresh root to Ready node", budget: {}, limit: 1, work: async (cluster) => await cluster.start() },
  { name: `idle for ${IDLE_MS / 1000} s, of one core`, unit: SHARE, budget: {}, limit: 1, work: idleShare },
  { name: "idle, RSS of strata up and all it started", unit: MEMORY, budget: {}, limit: 120, work: memory },
  {
    name: `Deployment of ${REPLICAS} replicas, image local, to all Ready`,
    budget: {},
    limit: 15,
    work: async (cluster) => await cluster.deploy(REPLICAS),
  },
  {
    name: `RSS of strata up alone while the ${REPLICAS} pods run`,
    unit: MEMORY,
    budget: {},
    work: async ({ pid }) => await Promise.resolve(residentOf([pid])),
  },
];

export const cluster: Case = {
  name: "cluster",
  title: "cluster",
  rounds: 3,
  peers: ["strata"],
  phases: PHASES,
  open: async (place) => {
    const own = new BenchCluster(place);
    return await Promise.resolve([
      {
        name: "strata",
        reset: async () => await own.remove(),
        measure: async ({ name }) => {
          const phase = PHASES.find((one) => one.name === name);
          if (phase === undefined) throw new BenchError(`Cannot measure ${name}`);
          return await phase.work(own);
        },
      },
    ]);
  },
};

async function memory({ pid }: BenchCluster): Promise<number> {
  return await Promise.resolve(residentOf(treeOf(pid)));
}

async function idleShare({ pid }: BenchCluster): Promise<number> {
  await new Promise((resolve) => setTimeout(resolve, SETTLE_MS));
  const [before, start] = [cpuOf(treeOf(pid)), performance.now()];
  await new Promise((resolve) => setTimeout(resolve, IDLE_MS));
  return ((cpuOf(treeOf(pid)) - before) / (performance.now() - start)) * 1000 * 100;
}
