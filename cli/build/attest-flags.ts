/** --sbom, --provenance and --attest, in docker buildx's grammar, into what the builder is asked to say of an image. */
import type { AttestRequest, ProvenanceOptions } from "../../builder/attest/options.ts";
import { parseReference } from "../../store/reference.ts";
import { UsageError } from "../errors.ts";
import { version } from "../version.ts";
import type { BuildFlags } from "./flags.ts";
import { readFields } from "./pairs.ts";

type Kind = "sbom" | "provenance";
type Flags = Pick<BuildFlags, "attest" | "sbom" | "provenance" | "tag">;
type Fields = ReadonlyMap<string, string>;

const KNOWN: Readonly<Record<Kind, readonly string[]>> = {
  sbom: ["type", "disabled"],
  provenance: ["type", "disabled", "mode", "version", "builder-id", "inline-only", "reproducible"],
};

/** Undefined: nothing is to be said, which is the default. @throws {UsageError} */
export function attestRequest(flags: Flags): AttestRequest | undefined {
  const wanted = new Map<Kind, Fields>();
  for (const [text, fields] of allFields(flags)) {
    const kind = kindOf(text, fields);
    if (wanted.has(kind)) throw new UsageError(`Cannot read ${text}: ${kind} is asked for twice`);
    check(text, kind, fields);
    wanted.set(kind, fields);
  }
  const fieldsOf = (kind: Kind): Fields | undefined => {
    const fields = wanted.get(kind);
    return fields === undefined || readBoolean(fields, "disabled") === true ? undefined : fields;
  };
  const [sbom, provenance] = [fieldsOf("sbom"), fieldsOf("provenance")];
  if (sbom === undefined && provenance === undefined) return undefined;
  const names = flags.tag.map((name) => parseReference(name).name);
  return { sbom: sbom !== undefined, provenance: provenance === undefined ? undefined : provenanceOptions(provenance), names, version: version() };
}

function* allFields({ attest, sbom, provenance }: Flags): Iterable<readonly [text: string, fields: Fields]> {
  for (const text of attest) yield [`--attest ${text}`, readFields(text)];
  if (sbom !== undefined) yield [`--sbom=${sbom}`, shorthand("sbom", sbom)];
  if (provenance !== undefined) yield [`--provenance=${provenance}`, shorthand("provenance", provenance)];
}

/** `true`, `false`, or the fields without their type. */
function shorthand(kind: Kind, text: string): Fields {
  const isOn = booleanOf(text);
  if (isOn !== undefined) return readFields(`type=${kind},disabled=${String(!isOn)}`);
  // What follows a bare flag may be meant for the context.
  if (!text.includes("=")) throw new UsageError(`Cannot read --${kind} ${text}: write --${kind}=true, or --${kind}=NAME=VALUE,…`);
  return new Map([...readFields(text), ["type", kind]]);
}

function kindOf(text: string, fields: Fields): Kind {
  const type = fields.get("type");
  if (type === "sbom" || type === "provenance") return type;
  throw new UsageError(
    `Cannot read ${text}: ${type === undefined ? "it has no type" : `there is no attestation ${JSON.stringify(type)}`}; expected type=sbom or type=provenance`,
  );
}

function check(text: string, kind: Kind, fields: Fields): void {
  if (kind === "sbom" && fields.has("generator"))
    throw new UsageError(`Cannot use generator in ${text}: packages are read by this program itself, without an image that scans`);
  const unknown = [...fields.keys()].find((key) => !KNOWN[kind].includes(key));
  if (unknown !== undefined) throw new UsageError(`Cannot use ${unknown} in ${text}: expected ${KNOWN[kind].join(", ")}`);
}

function provenanceOptions(fields: Fields): ProvenanceOptions {
  const mode = fields.get("mode") ?? "min";
  if (mode !== "min" && mode !== "max") throw new UsageError(`Cannot use mode=${mode} of provenance: expected min or max`);
  const given = fields.get("version") ?? "v1";
  if (given !== "v1" && given !== "v0.2") throw new UsageError(`Cannot use version=${given} of provenance: expected v1 or v0.2`);
  return {
    mode,
    version: given,
    builderId: fields.get("builder-id"),
    inlineOnly: readBoolean(fields, "inline-only") === true,
    reproducible: readBoolean(fields, "reproducible"),
  };
}

function readBoolean(fields: Fields, name: string): boolean | undefined {
  const text = fields.get(name);
  if (text === undefined) return undefined;
  const value = booleanOf(text);
  if (value === undefined) throw new UsageError(`Cannot use ${name}=${text}: expected true or false`);
  return value;
}

function booleanOf(text: string): boolean | undefined {
  if (/^(?:1|t|true)$/i.test(text)) return true;
  return /^(?:0|f|false)$/i.test(text) ? false : undefined;
}
