/** How a registry is spoken to, as podman and skopeo spell it: certificates, credentials, the file they are in. */
import type { Command } from "commander";
import { UsageError } from "../errors.ts";
import type { RemoteFlags } from "./open-remote.ts";

/** What commander makes of the options; names with `src` or `dest` before them for one end of a copy. */
export type RemoteFlagValues = Readonly<Record<string, unknown>>;

/** `end` is nothing, `src` or `dest`. */
export function addRemoteFlags(command: Command, end: "" | "src" | "dest" = ""): Command {
  const [before, of] = end === "" ? ["", ""] : [`${end}-`, end === "src" ? " of the source" : " of the destination"];
  if (end === "") command.option("--insecure", "accept plain HTTP and untrusted certificates");
  return command
    .option(`--${before}tls-verify [bool]`, `false accepts plain HTTP and untrusted certificates${of}`)
    .option(`--${before}creds <user:password>`, `instead of what 'strata login' keeps${of === "" ? "" : `,${of}`} (seen by others in the list of processes)`)
    .option(`--${before}authfile <file>`, `where the login${of} is kept, instead of the usual files`)
    .option(`--${before}cert-dir <folder>`, `certificates${of}: *.crt, *.cert and *.key, instead of certs.d`);
}

/** @throws {UsageError} */
export function readRemoteFlags(values: RemoteFlagValues, end: "" | "src" | "dest" = ""): RemoteFlags {
  const before = end === "" ? "" : `${end}-`;
  const flag = (name: string): string | undefined => {
    const value = values[end === "" ? name : `${end}${name.charAt(0).toUpperCase()}${name.slice(1)}`];
    return typeof value === "string" ? value : undefined;
  };
  const verify = flag("tlsVerify");
  if (verify !== undefined && !["true", "false", "1", "0"].includes(verify))
    throw new UsageError(`--${before}tls-verify is true or false, not ${JSON.stringify(verify)}`);
  const common = values["authfile"];
  return {
    insecure: values["insecure"] === true || verify === "false" || verify === "0",
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
