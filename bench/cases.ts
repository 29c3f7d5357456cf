/** All that can be measured, in the order of the budgets. */
import type { Case } from "./case.ts";
import { big } from "./cases/big.ts";
import { files } from "./cases/files.ts";
import { small } from "./cases/small.ts";
import { stages } from "./cases/stages.ts";

export const CASES: readonly Case[] = [small, stages, files, big];

export function caseNames(): readonly string[] {
  return CASES.map(({ name }) => name);
}
