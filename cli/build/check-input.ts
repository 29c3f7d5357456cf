/** What checks are told of a build. */
import type { CheckInput } from "../../builder/check/check.ts";
import type { BuildRequest } from "../../builder/request.ts";
import { hostPlatform } from "../../store/image/platform.ts";

export function checkInput(request: BuildRequest): CheckInput {
  const { dockerfile, buildArgs, ignore, target } = request;
  const machine = hostPlatform();
  return { dockerfile, buildArgs, ignore, target, machine, platform: request.platforms[0] ?? machine };
}
