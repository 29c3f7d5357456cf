/** For who asks docker's verbs for what is the cluster's: which verbs do that. */
import { readLabels } from "../../orchestrator/kubelet/instance-labels.ts";
import { RuntimeError } from "../../runtime/errors.ts";
import type { Context } from "../context.ts";
import { isObjectWord } from "./object-word.ts";

/** Undefined where `error` is none of an unknown container, or `name` is no pod's. */
export async function podHint(context: Context, name: string, error: unknown): Promise<string | undefined> {
  if (!(error instanceof RuntimeError) || error.code !== "CONTAINER_UNKNOWN") return undefined;
  if (isObjectWord(name)) return hintFor(name, name.split("/").at(0) ?? "", name.split("/").at(1) ?? "");
  const pods = (await (await context.engine()).list()).flatMap((container) => readLabels(container)?.pod ?? []);
  const pod = pods.find((one) => one.name === name);
  if (pod === undefined) return undefined;
  return hintFor(name, "pod", name, pod.namespace === "default" ? "" : ` -n ${pod.namespace}`);
}

function hintFor(given: string, kind: string, name: string, flags = ""): string {
  const object = `${kind}/${name}`;
  return `${given} is the cluster's: 'strata delete ${object}${flags}' removes it, 'strata describe ${object}${flags}', 'strata logs ${object}' and 'strata exec ${object} -- COMMAND' look into it`;
}
