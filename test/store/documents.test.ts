import { expect, test } from "vitest";
import { parseConfig, parseManifest } from "../../store/image/documents.ts";

const ROOTFS = { type: "layers", diff_ids: [] };

const configs: readonly { readonly name: string; readonly config: unknown; readonly refused?: string }[] = [
  { name: "nothing but layers", config: { rootfs: ROOTFS } },
  { name: "docker's nulls", config: { rootfs: ROOTFS, history: null, config: { Env: null, Cmd: null, Entrypoint: null, Labels: null, Volumes: null } } },
  { name: "no layers", config: {}, refused: "it has no rootfs.diff_ids" },
  { name: "a digest that is none", config: { rootfs: { diff_ids: ["x"] } }, refused: '"x" as a digest' },
  { name: "a number as system", config: { rootfs: ROOTFS, os: 5 }, refused: "os" },
  { name: "a history of numbers", config: { rootfs: ROOTFS, history: [5] }, refused: "history" },
  { name: "a list as config", config: { rootfs: ROOTFS, config: [] }, refused: "config" },
  { name: "a text as environment", config: { rootfs: ROOTFS, config: { Env: "A=1" } }, refused: "Env" },
  { name: "a number in a command", config: { rootfs: ROOTFS, config: { Cmd: ["sh", 5] } }, refused: "Cmd" },
  { name: "labels in a list", config: { rootfs: ROOTFS, config: { Labels: ["a=b"] } }, refused: "Labels" },
  { name: "a label that is a number", config: { rootfs: ROOTFS, config: { Labels: { a: 7 } } }, refused: "Labels" },
  { name: "a number as stop signal", config: { rootfs: ROOTFS, config: { StopSignal: 9 } }, refused: "StopSignal" },
  { name: "a text as check", config: { rootfs: ROOTFS, config: { Healthcheck: { Test: "true" } } }, refused: "Test" },
  { name: "a check without end", config: { rootfs: ROOTFS, config: { Healthcheck: { Test: ["CMD", "true"], Timeout: 1e30 } } }, refused: "Timeout" },
];
test.each(configs)("a config with $name", ({ config, refused }) => {
  const parse = (): unknown => parseConfig(Buffer.from(JSON.stringify(config)));
  if (refused === undefined) expect(parse()).toEqual(config);
  else expect(parse).toThrow(refused);
});

test("a manifest's layers that Go wrote as null are none", () => {
  const config = { mediaType: "application/vnd.oci.image.config.v1+json", digest: `sha256:${"0".repeat(64)}`, size: 2 };
  expect(parseManifest(Buffer.from(JSON.stringify({ schemaVersion: 2, config, layers: null }))).layers).toEqual([]);
});
