/** Fields that descriptions of all kinds have, as lines with tabs. Pure. */
import type { KubeObject } from "../../orchestrator/cluster.ts";

export type Labels = Readonly<Record<string, string>> | undefined;

export const NONE = "<none>";
const LAST_APPLIED = "kubectl.kubernetes.io/last-applied-configuration";
/** What is longer gets lines of its own. */
const MAX_ANNOTATION_CHARACTERS = 140;

/** `Title:<tab>a=b`, and a line for each further one; `<none>` without any. */
export function labelLines(title: string, labels: Labels): readonly string[] {
  return titled(
    title,
    sorted(labels).map(([key, value]) => `${key}=${value}`),
  );
}

export function annotationLines(title: string, annotations: Labels): readonly string[] {
  const shown = sorted(annotations).filter(([key]) => key !== LAST_APPLIED);
  return titled(title, shown.flatMap(annotation));
}

/** The first beside the title, the others below it. */
export function titled(title: string, texts: readonly string[]): readonly string[] {
  return [`${title}:\t${texts[0] ?? NONE}`, ...texts.slice(1).map((text) => `\t${text}`)];
}

function annotation([key, written]: readonly [string, string]): readonly string[] {
  const value = written.replace(/\n$/, "");
  if (value.length + key.length + 2 <= MAX_ANNOTATION_CHARACTERS && !value.includes("\n")) return [`${key}: ${value}`];
  const most = MAX_ANNOTATION_CHARACTERS - 2;
  return [`${key}:`, ...value.split("\n").map((line) => `  ${line.length > most ? `${line.slice(0, most)}...` : line}`)];
}

export function sorted<Value>(map: Readonly<Record<string, Value>> | undefined): readonly (readonly [string, Value])[] {
  return Object.entries(map ?? {}).toSorted(([left], [right]) => (left < right ? -1 : 1));
}

const DAYS = ["Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat"];
const MONTHS = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];

/** `Fri, 27 Nov 2026 04:01:29 +0000`, in this machine's zone. Spec: RFC 1123. */
export function formatTime(moment: string | null | undefined): string {
  if (moment === undefined || moment === null) return "<unset>";
  const time = new Date(moment);
  const two = (number: number): string => String(number).padStart(2, "0");
  const ahead = -time.getTimezoneOffset();
  const zone = `${ahead < 0 ? "-" : "+"}${two(Math.floor(Math.abs(ahead) / 60))}${two(Math.abs(ahead) % 60)}`;
  const date = `${DAYS[time.getDay()]}, ${two(time.getDate())} ${MONTHS[time.getMonth()]} ${time.getFullYear()}`;
  return `${date} ${two(time.getHours())}:${two(time.getMinutes())}:${two(time.getSeconds())} ${zone}`;
}

/** None where nothing controls it. */
export function controllerLines({ metadata: { ownerReferences = [] } }: KubeObject): readonly string[] {
  return ownerReferences.filter(({ controller }) => controller === true).map(({ kind, name }) => `Controlled By:\t${kind}/${name}`);
}

/** `True` and `False`. */
export function flag(value: boolean | undefined): string {
  return value === true ? "True" : "False";
}

export function indented(lines: readonly string[], by: string): readonly string[] {
  return lines.map((line) => by + line);
}
