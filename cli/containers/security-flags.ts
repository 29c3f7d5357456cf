/** --security-opt: what of the usual narrowing is lifted or added. The words are docker's; a security module that is absent is refused, not ignored. */
import type { ContainerOptions } from "../../runtime/engine.ts";
import { UsageError } from "../errors.ts";
import { readText } from "./read-text.ts";

type Security = Pick<ContainerOptions, "noNewPrivileges" | "seccomp" | "hostProc" | "apparmor" | "unmaskedProc">;

/** The last of a kind wins. */
export function securityOptions(options: readonly string[]): Security {
  return Object.assign({}, ...options.map(securityOption)) as Security;
}

function securityOption(option: string): Security {
  const [key = "", value = ""] = option.split(/[=:](.*)/s);
  switch (key) {
    case "no-new-privileges":
      if (value === "" || value === "true" || value === "false") return { noNewPrivileges: value !== "false" };
      break;
    case "seccomp":
      if (value !== "") return { seccomp: value === "unconfined" || value === "default" ? value : value === "builtin" ? "default" : readText(value) };
      break;
    case "apparmor":
      if (value !== "") return { apparmor: value };
      break;
    case "systempaths":
      if (value === "unconfined") return { unmaskedProc: true };
      break;
    case "label":
      if (value === "disable" || value === "nested") return {};
      throw new UsageError(`unsupported security option ${JSON.stringify(option)}: strata does not label containers for SELinux; label=disable says so`);
    case "proc":
      if (value === "host" || value === "limits") return { hostProc: value === "host" };
      break;
  }
  throw new UsageError(`invalid security option: ${JSON.stringify(option)}`);
}
