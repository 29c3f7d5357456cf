/** --security-opt as docker spells it: taken, or refused by name. */
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { securityOptions } from "../../cli/containers/security-flags.ts";
import { removeTreeSync } from "../../store/remove-tree.ts";
import { temporaryFolder } from "../support/root.ts";

let folder: string;
beforeAll(() => {
  folder = temporaryFolder();
});
afterAll(() => removeTreeSync(folder));

describe("taken", () => {
  test.each([
    { options: ["no-new-privileges"], want: { noNewPrivileges: true } },
    { options: ["no-new-privileges:true"], want: { noNewPrivileges: true } },
    { options: ["no-new-privileges=false"], want: { noNewPrivileges: false } },
    { options: ["seccomp=unconfined"], want: { seccomp: "unconfined" } },
    { options: ["seccomp=builtin"], want: { seccomp: "default" } },
    { options: ["apparmor=unconfined"], want: { apparmor: "unconfined" } },
    { options: ["apparmor:mine"], want: { apparmor: "mine" } },
    { options: ["systempaths=unconfined"], want: { unmaskedProc: true } },
    { options: ["label=disable", "label:disable"], want: {} },
    { options: ["proc=host", "proc=limits"], want: { hostProc: false } },
  ])("$options", ({ options, want }) => expect(securityOptions(options)).toEqual(want));

  test("a profile is read from its file", () => {
    const path = join(folder, "profile.json");
    writeFileSync(path, "{}");
    expect(securityOptions([`seccomp=${path}`])).toEqual({ seccomp: "{}" });
  });
});

test.each([
  "label=type:container_t",
  "label=user:a",
  "systempaths=confined",
  "no-new-privileges=maybe",
  "seccomp",
  "apparmor=",
  "proc=x",
  "writable-cgroups=true",
  "x",
])("%j is refused by its name", (option) => expect(() => securityOptions([option])).toThrow(JSON.stringify(option)));
test("a profile that is not there is named", () => expect(() => securityOptions([`seccomp=${join(folder, "none")}`])).toThrow(/none/));
