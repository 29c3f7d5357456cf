/** --sbom, --provenance and --attest, in docker buildx's grammar. */
import { describe, expect, test } from "vitest";
import { attestRequest } from "../../cli/build/attest-flags.ts";

interface Given {
  readonly sbom?: string;
  readonly provenance?: string;
  readonly attest?: readonly string[];
}

function read({ sbom, provenance, attest = [] }: Given): ReturnType<typeof attestRequest> {
  return attestRequest({ attest, tag: ["app"], ...(sbom === undefined ? {} : { sbom }), ...(provenance === undefined ? {} : { provenance }) });
}

const MIN = { mode: "min", version: "v1", builderId: undefined, inlineOnly: false, reproducible: undefined };

describe("means", () => {
  const cases: readonly { readonly given: Given; readonly sbom: boolean; readonly provenance?: object }[] = [
    { given: { sbom: "true" }, sbom: true },
    { given: { attest: ["type=sbom"] }, sbom: true },
    { given: { provenance: "true" }, sbom: false, provenance: MIN },
    { given: { provenance: "mode=max,version=v0.2" }, sbom: false, provenance: { ...MIN, mode: "max", version: "v0.2" } },
    {
      given: { attest: ["type=provenance,builder-id=https://x/1,inline-only=true,reproducible=1", "type=sbom"] },
      sbom: true,
      provenance: { ...MIN, builderId: "https://x/1", inlineOnly: true, reproducible: true },
    },
    { given: { sbom: "1", provenance: "false" }, sbom: true },
  ];
  test.each(cases)("$given", ({ given, sbom, provenance }) => {
    expect(read(given)).toMatchObject({ sbom, provenance, names: ["docker.io/library/app:latest"] });
  });
});

test.each<Given>([{}, { sbom: "false" }, { attest: ["type=sbom,disabled=true"] }, { sbom: "0", provenance: "f" }])("nothing is meant by %j", (given) => {
  expect(read(given)).toBeUndefined();
});

test.each<readonly [Given, string]>([
  [{ attest: ["mode=max"] }, "it has no type"],
  [{ attest: ["type=vex"] }, 'there is no attestation "vex"'],
  [{ sbom: "true", attest: ["type=sbom"] }, "sbom is asked for twice"],
  [{ sbom: "generator=docker/scout" }, "Cannot use generator"],
  [{ sbom: "." }, "write --sbom=true"],
  [{ provenance: "mode=most" }, "expected min or max"],
  [{ provenance: "version=v9" }, "expected v1 or v0.2"],
  [{ provenance: "reproducible=maybe" }, "expected true or false"],
  [{ provenance: "colour=red" }, "Cannot use colour"],
])("refused is %j: %s", (given, message) => {
  expect(() => read(given)).toThrow(message);
});
