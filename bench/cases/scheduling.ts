/** How fast pods get their nodes, where there are many of both. */
import { mkdtempSync, rmSync } from "node:fs";
import { join } from "node:path";
import type { Case, Unit } from "../case.ts";
import { schedulingRate } from "../load/scheduling.ts";

const RATE: Unit = { name: "/s", better: "more" };
const SIZES = { nodes: 1_000, pods: 5_000 };

export const scheduling: Case = {
  name: "scheduling",
  title: "scheduling alone",
  rounds: 3,
  peers: ["strata"],
  phases: [{ name: `${SIZES.pods} pods on ${SIZES.nodes} nodes, simulated`, unit: RATE, budget: {}, limit: 1_000 }],
  open: async ({ folder }) =>
    await Promise.resolve([
      {
        name: "strata",
        reset: async () => {},
        measure: async () => {
          const root = mkdtempSync(join(folder, "scheduling-"));
          try {
            return await schedulingRate(root, SIZES);
          } finally {
            rmSync(root, { recursive: true, force: true });
          }
        },
      },
    ]),
};
