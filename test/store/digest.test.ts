import { createHash } from "node:crypto";
import { expect, test } from "vitest";
import { algorithmOf, digestOf, encodedOf, finish, isDigest, parseDigest } from "../../store/digest.ts";

const HEX = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";

const cases = [
  { name: "sha256 with 64 hex digits", text: `sha256:${HEX}`, isValid: true },
  { name: "sha512 with 128 hex digits", text: `sha512:${HEX}${HEX}`, isValid: true },
  { name: "capital hex digits", text: `sha256:${HEX.toUpperCase()}`, isValid: false },
  { name: "a digit too few", text: `sha256:${HEX.slice(1)}`, isValid: false },
  { name: "a digit too many", text: `sha256:${HEX}0`, isValid: false },
  { name: "an algorithm that is not offered", text: `md5:${HEX.slice(32)}`, isValid: false },
  { name: "no algorithm", text: HEX, isValid: false },
  { name: "a path in the encoded part", text: `sha256:../${HEX.slice(3)}`, isValid: false },
  { name: "a line feed at the end", text: `sha256:${HEX}\n`, isValid: false },
  { name: "nothing", text: "", isValid: false },
];

test.each(cases)("parseDigest: $name → $isValid", ({ text, isValid }) => {
  expect(isDigest(text)).toBe(isValid);
  if (isValid) expect(parseDigest(text)).toBe(text);
  else expect(() => parseDigest(text)).toThrow(expect.objectContaining({ code: "DIGEST_INVALID" }));
});

test("digestOf is what the algorithm says, and falls apart into its parts", () => {
  expect(digestOf("")).toBe(`sha256:${HEX}`);
  const long = digestOf(Buffer.from("x"), "sha512");
  expect([algorithmOf(long), encodedOf(long)]).toEqual(["sha512", createHash("sha512").update("x").digest("hex")]);
  expect(finish(createHash("sha256"))).toBe(`sha256:${HEX}`);
});
