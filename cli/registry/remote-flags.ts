/** How a registry is spoken to, as podman and skopeo spell it: certificates, credentials, the file they are in. */
import { Option, type Command } from "commander";
import { UsageError } from "../errors.ts";
import type { RemoteFlags } from "./open-remote.ts";

/** What commander makes of the options; names with `src` or `dest` before them for one end of a copy. */
export type RemoteFlagValues = Readonly<Record<string, unknown>>;

/** `end` is nothing, `src` or `dest`. */
export function addRemoteFlags(command: Command, end: "" | "src" | "dest" = ""): Command {
  const [before, of] = end === "" ? ["", ""] : [`${end}-`, end === "src" ? " of the source" : " of the destination"];
  if (end === "") command.option("--insecure", "accept plain HTTP and untrusted certificates");
  return addVerifyFlag(command, before, of)
    .option(`--${before}creds <user:password>`, `instead of what 'strata login' keeps${of === "" ? "" : `,${of}`} (seen by others in the list of processes)`)
    .option(`--${before}authfile <file>`, `where the login${of} is kept, instead of the usual files`)
    .option(`--${before}cert-dir <folder>`, `certificates${of}: *.crt, *.cert and *.key, instead of certs.d`);
}

/** Its value stands behind `=`, as podman and skopeo have it: `--tls-verify NAME` is no value of it. */
export function addVerifyFlag(command: Command, before = "", of = ""): Command {
  return command
    .option(`--${before}tls-verify`, `=false accepts plain HTTP and untrusted certificates${of}`)
    .addOption(new Option(`--no-${before}tls-verify`).hideHelp());
}

/** @throws {UsageError} */
export function readRemoteFlags(values: RemoteFlagValues, end: "" | "src" | "dest" = ""): RemoteFlags {
  const before = end === "" ? "" : `${end}-`;
  const value = (name: string): unknown => values[end === "" ? name : `${end}${name.charAt(0).toUpperCase()}${name.slice(1)}`];
  const flag = (name: string): string | undefined => {
    const given = value(name);
    return typeof given === "string" ? given : undefined;
  };
  const common = values["authfile"];
  return {
    insecure: values["insecure"] === true || value("tlsVerify") === false,
    login: loginOf(flag("creds"), `--${before}creds`),
    authFile: flag("authfile") ?? (typeof common === "string" ? common : undefined),
    certificates: flag("certDir"),
  };
}

/** `name` is the flag's. */
function loginOf(text: string | undefined, name: string): RemoteFlags["login"] {
  if (text === undefined) return undefined;
  const colon = text.indexOf(":");
  if (colon < 1) throw new UsageError(`${name} needs USER:PASSWORD`);
  return { kind: "password", username: text.slice(0, colon), password: text.slice(colon + 1) };
}
