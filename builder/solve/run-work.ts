/** RUN: its key, with the content of what its mounts show. */
import { hostPlatform, matches } from "../../store/image/platform.ts";
import type { ChainID } from "../../store/store.ts";
import { shownBy, type RunAction } from "../plan/graph.ts";
import { runParts, type StepScope } from "./key.ts";
import type { Shown } from "./run-mounts.ts";
import type { Making, QuickKey, SolveScope, Work } from "./scope.ts";

type Contents = readonly (Shown | undefined)[];

export async function runWork(action: RunAction, parent: ChainID | undefined, scope: SolveScope): Promise<Work> {
  const step: StepScope = { parent, epoch: scope.epoch, platform: scope.platform };
  const network = action.network === "default" ? scope.request.network : action.network;
  const showsContent = action.mounts.some((mount) => shownBy(mount) !== undefined);
  let looked: Promise<Contents> | undefined;
  const shown = async (): Promise<Contents> => await (looked ??= showsContent ? mountedContents(action, scope) : Promise.resolve([]));
  const quick = showsContent ? await quickKey(action, network, step, scope) : undefined;
  return {
    ...(quick === undefined ? {} : { quick }),
    async full() {
      const contents = await shown();
      return runParts(
        action,
        network,
        action.mounts.map((_, at) => contents[at]?.digest ?? ""),
        step,
      );
    },
    make: async (making) => await run({ action, network, parent }, await shown(), making, scope),
  };
}

interface Run {
  readonly action: RunAction;
  readonly network: "default" | "none" | "host";
  readonly parent: ChainID | undefined;
}

async function run({ action, network, parent }: Run, contents: Contents, making: Making, scope: SolveScope): Promise<ChainID> {
  const [{ runStep }, { openMountList }] = await Promise.all([import("./run-step.ts"), import("./mount-list.ts")]); // not needed while the cache answers
  const list = openMountList(action, contents, making.place, scope);
  making.explain({ before: list.before, now: list.now });
  if (!matches(scope.programs, hostPlatform())) await (await import("../foreign/emulation.ts")).requireEmulation(action, scope);
  const shown = await Promise.all(contents.map(async (content) => await content?.layer()));
  const chain = await runStep({ action, network, shown, parent }, making, scope);
  list.save(chain);
  return chain;
}

/** What stands for the mounted files without reading them: the stacks they are in, the stat data of folders. */
async function quickKey(action: RunAction, network: string, step: StepScope, scope: SolveScope): Promise<QuickKey | undefined> {
  const texts: string[] = [];
  const settled: (() => boolean)[] = [];
  for (const mount of action.mounts) {
    const shown = shownBy(mount);
    if (shown === undefined) texts.push("");
    else if (shown.origin.kind !== "context") texts.push(`stack ${await scope.chainOf(shown.origin)} ${shown.source}`);
    else {
      const fingerprint = await (await scope.treeOf(shown.origin)).fingerprint?.(shown.source, { exclude: [] });
      if (fingerprint === undefined) return undefined;
      texts.push(`stat ${fingerprint.text}`);
      settled.push(fingerprint.isSettled);
    }
  }
  return { parts: runParts(action, network, texts, step), isLocal: settled.length > 0, isLasting: () => settled.every((isSettled) => isSettled()) };
}

async function mountedContents(action: RunAction, scope: SolveScope): Promise<Contents> {
  const { mountedContent } = await import("./run-mounts.ts");
  return await Promise.all(
    action.mounts.map(async (mount) => {
      const shown = shownBy(mount);
      return shown === undefined ? undefined : await mountedContent(shown, scope);
    }),
  );
}
