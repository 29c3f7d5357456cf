/** An event as docker's line, and as the object that templates see. Pure. */
import type { StoreEvent } from "../../store/events/journal.ts";

/** `2026-01-02T03:04:05.000000006+00:00 container start ID (image=…, name=…)`, in this machine's zone. */
export function eventLine({ Type, Action, Actor, time, timeNano }: StoreEvent): string {
  const attributes = Object.entries(Actor.Attributes)
    .sort(([one], [other]) => (one < other ? -1 : 1))
    .map(([key, value]) => `${key}=${value}`);
  return `${localTime(time, timeNano)} ${Type} ${Action} ${Actor.ID}${attributes.length === 0 ? "" : ` (${attributes.join(", ")})`}`;
}

function localTime(seconds: number, nanoseconds: number): string {
  const moment = new Date(seconds * 1000);
  const offset = -moment.getTimezoneOffset();
  const shifted = new Date(moment.getTime() + offset * 60_000).toISOString().slice(0, 19);
  const pad = (value: number): string => String(Math.floor(Math.abs(value))).padStart(2, "0");
  const zone = offset === 0 ? "Z" : `${offset < 0 ? "-" : "+"}${pad(offset / 60)}:${pad(offset % 60)}`;
  return `${shifted}.${String(Math.max(0, nanoseconds - seconds * 1e9))
    .padStart(9, "0")
    .slice(0, 9)}${zone}`;
}

/** With the fields of docker's older API beside the newer ones. */
export function eventRow(event: StoreEvent): Readonly<Record<string, unknown>> {
  const { Type, Action, Actor, time, timeNano } = event;
  const old =
    Type === "container" || Type === "image" ? { status: Action, id: Actor.ID, ...(Type === "container" && { from: Actor.Attributes["image"] ?? "" }) } : {};
  return { ...old, Type, Action, Actor, scope: "local", time, timeNano };
}
