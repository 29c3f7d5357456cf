/** What a verb for running containers is about. */
import type { Container } from "../engine.ts";
import type { Parts } from "./parts.ts";
import { getContainer, isLive, needLive } from "./status.ts";

/** One whose end nobody saw to is cared for in passing. @throws {RuntimeError} `CONTAINER_UNKNOWN`, `CONTAINER_STATE` */
export async function targetOf(parts: Parts, reference: string, verb: string): Promise<Container> {
  const container = await getContainer(parts, reference);
  const { record, status } = container;
  if (record.removing !== undefined || (record.unsettled && !isLive(status))) await (await import("./lost.ts")).careFor(parts, record);
  if (record.removing !== undefined) parts.records.find(reference); // throws for one that is gone
  return needLive(container, verb);
}
