/** Runs the rows of a table, each a real build of the shared context. */
import { expect, test } from "vitest";
import { openLab, type Files } from "../lab.ts";
import { TREE, type Refusal, type Row } from "./tree.ts";

export function testRows(rows: readonly Row[], more: Files = {}): void {
  test.each(rows)("%s", async (_, instructions, wanted) => {
    await using lab = await openLab();
    lab.context({ ...TREE, ...more });
    expect((await lab.build(`FROM scratch\n${instructions}\n`)).files).toEqual(wanted);
  });
}

export function testRefusals(rows: readonly Refusal[], more: Files = {}): void {
  test.each(rows)("refused: %s", async (_, instructions, code, message) => {
    await using lab = await openLab();
    lab.context({ ...TREE, ...more });
    const refusal = { code, message: expect.stringMatching(message) as string, place: expect.anything() as object };
    await expect(lab.build(`FROM scratch\n${instructions}\n`)).rejects.toMatchObject(refusal);
  });
}
