/** The text of `strata --help`. */
import type { Verb } from "./verb.ts";
import { VERBS } from "./verbs.ts";

const TITLES: Readonly<Record<Verb["group"], string>> = {
  build: "Build",
  images: "Images",
  registry: "Registry",
  containers: "Containers",
  cluster: "Cluster",
  system: "System",
};

export function help(): string {
  const sections = Object.entries(TITLES).map(([group, title]) => {
    const rows = Object.entries(VERBS).filter(([, verb]) => verb.group === group && verb.hidden !== true);
    return rows.length === 0 ? "" : `\n${title}:\n${rows.map(([name, verb]) => `  ${name.padEnd(14)}${verb.summary}\n`).join("")}`;
  });
  return `Usage: strata [--root FOLDER] COMMAND\n\nFrom Dockerfile to replicas: builder, registry, runtime and orchestrator around one store.\n${sections.join("")}\nRun 'strata COMMAND --help' for more on a command.\n`;
}
