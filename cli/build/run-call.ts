/** `strata build --check` and `--call`: what could be better in a Dockerfile, what it offers, what it takes. Nothing is built or pulled. */
import { checkDockerfile, NO_FACTS, readChecked } from "../../builder/check/check.ts";
import type { Checked } from "../../builder/check/checked.ts";
import { planFacts, type Planned } from "../../builder/check/facts.ts";
import { outlineOf, targetsOf } from "../../builder/check/outline.ts";
import { BuilderError } from "../../builder/errors.ts";
import { parseDockerfile } from "../../builder/dockerfile/parse.ts";
import type { BuildRequest } from "../../builder/request.ts";
import { hostPlatform } from "../../store/image/platform.ts";
import type { Context } from "../context.ts";
import { ExitError, UsageError } from "../errors.ts";
import { parseCall, type Call } from "./call.ts";
import { checkInput } from "./check-input.ts";
import { checkJson, checkText, outlineJson, outlineText, targetsJson, targetsText } from "./call-output.ts";
import type { Definition } from "./definition.ts";
import type { BuildFlags } from "./flags.ts";

/** Undefined: build. @throws {UsageError} for flags that say two things */
export function callFlags({ check, fix, call }: Pick<BuildFlags, "check" | "fix" | "call">): (Call & { readonly fix: boolean }) | undefined {
  const called = parseCall(call);
  if (check === true && call !== "build" && called?.method !== "check") throw new UsageError(`Cannot use both --check and --call ${call}`);
  const parsed = check === true ? (called ?? parseCall("check")) : called;
  if (fix === true && parsed?.method !== "check") throw new UsageError("Cannot use --fix alone: it goes with --check");
  return parsed === undefined ? undefined : { ...parsed, fix: fix === true };
}

export async function runCall(context: Context, call: Call & { readonly fix: boolean }, request: BuildRequest, definition: Definition): Promise<void> {
  const input = checkInput(request);
  if (call.fix) {
    const { fixFile } = await import("./fix-file.ts");
    await fixFile(context, input, definition.path);
    return;
  }
  const show = (json: () => unknown, text: () => string): void => void context.stdout.write(call.json ? `${JSON.stringify(json(), undefined, 2)}\n` : text());
  if (call.method === "check") {
    const { facts, error } = await plan(context, request);
    const { findings } = checkDockerfile(input, facts);
    show(
      () => checkJson(input.dockerfile, findings, error),
      () => checkText(input.dockerfile, findings, error),
    );
    if (error !== undefined && !call.json) throw error;
    if ((findings.length > 0 || error !== undefined) && !call.ignoreStatus) throw new ExitError(1);
    return;
  }
  const checked: Checked = readChecked(input, NO_FACTS);
  if (call.method === "targets") {
    const targets = targetsOf(checked);
    show(
      () => targetsJson(input.dockerfile, targets),
      () => targetsText(targets),
    );
    return;
  }
  const outline = outlineOf(checked, request.target);
  show(
    () => outlineJson(input.dockerfile, outline),
    () => outlineText(outline),
  );
}

/** For builds that must pass: `check=error=true`. @throws {BuilderError} that names the rules, after what was found was shown */
export async function refuseFindings(context: Context, request: BuildRequest): Promise<void> {
  const input = checkInput(request);
  const { facts } = await plan(context, request);
  const { findings, options } = checkDockerfile(input, facts);
  if (!options.error || findings.length === 0) return;
  context.stderr.write(`${checkText(input.dockerfile, findings, undefined)}\n`);
  const rules = [...new Set(findings.map(({ rule }) => rule))].join(", ");
  throw new BuilderError("CHECK_FAILED", `Cannot build ${input.dockerfile.file}: lint violation found for rules: ${rules}`);
}

/** With the images that are here. */
async function plan(context: Context, request: BuildRequest): Promise<Planned> {
  const { text, file } = request.dockerfile;
  const { buildArgs, contexts, target, allow } = request;
  const dockerfile = parseDockerfile(text, file, buildArgs.get("BUILDKIT_SYNTAX"));
  const { images } = await context.store();
  const machine = hostPlatform();
  const platform = request.platforms[0] ?? machine;
  const openImage: Parameters<typeof planFacts>[1]["openImage"] = async ({ reference }) =>
    await images.open(reference, platform).catch(async () => await images.open(reference));
  return await planFacts(dockerfile, { target, platform, machine, buildArgs, contexts, allow, openImage });
}
