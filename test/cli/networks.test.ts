/** strata network: what users make, list and remove. */
import { afterAll, beforeAll, expect, test, vi } from "vitest";
import { BOX_IMAGE, type Box, openBox } from "../support/box.ts";

vi.setConfig({ testTimeout: 60_000 });

let box: Box;
beforeAll(async () => {
  box = await openBox("sleep");
});
afterAll(async () => await box[Symbol.asyncDispose]());

test("prune removes the networks that no container is on", async () => {
  for (const name of ["idle", "used"]) await box.strata("network", "create", name);
  const id = await box.strata("run", "-d", "--network", "used", BOX_IMAGE, "sleep", "120");
  expect(await box.strata("network", "prune", "--force")).toBe("Deleted Networks:\nidle");
  expect(await box.strata("network", "prune", "--force")).toBe("");
  await box.strata("rm", "-f", id);
  expect(await box.strata("network", "prune", "--force")).toBe("Deleted Networks:\nused");
  expect(await box.strata("network", "ls", "--format", "{{.Name}}")).toBe("bridge\nhost\nnone");
});
