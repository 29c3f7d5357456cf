/** gzip as it is written here and by others: whatever it is made of, the bytes that went in come out, or it is refused. */
import { randomBytes } from "node:crypto";
import { readdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { gunzipSync, gzipSync } from "node:zlib";
import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { gzip } from "../../store/layer/gzip.ts";
import { inflate } from "../../store/layer/inflate.ts";
import { lent } from "../../store/lent.ts";
import { temporaryRoot, type TemporaryRoot } from "../support/root.ts";

let scratch: TemporaryRoot;
beforeEach(() => void (scratch = temporaryRoot()));
afterEach(() => scratch[Symbol.dispose]());

/** Chunks are copied: the next one overwrites them. */
function inflated(packed: Buffer): Buffer {
  const blob = join(scratch.root, "blob");
  writeFileSync(blob, packed);
  const chunks: Buffer[] = [];
  for (const chunk of inflate({ blob, compression: "gzip", scratch: scratch.root })) chunks.push(Buffer.from(chunk));
  return Buffer.concat(chunks);
}

const text = Buffer.from("layer ".repeat(200_000));
const noise = randomBytes(1_500_000);
const both = Buffer.concat([text, noise]);
const member = gzipSync(text);

test.each([
  { name: "one member", packed: member, content: text },
  { name: "several members", packed: Buffer.concat([member, gzipSync(noise), gzipSync(Buffer.alloc(0)), member]), content: Buffer.concat([text, noise, text]) },
  { name: "hundreds of small ones", packed: Buffer.concat(Array.from({ length: 300 }, () => gzipSync("x"))), content: Buffer.from("x".repeat(300)) },
  { name: "zeros behind it", packed: Buffer.concat([member, Buffer.alloc(70_000)]), content: text },
  { name: "a byte behind it", packed: Buffer.concat([member, Buffer.from([0x1f])]), content: text },
  { name: "words behind it", packed: Buffer.concat([member, Buffer.from("signature")]), content: text },
])("$name", ({ packed, content }) => expect(inflated(packed).equals(content)).toBe(true));

test.each([
  { name: "nothing", packed: Buffer.alloc(0), reason: "cut short" },
  { name: "no gzip", packed: Buffer.from("no gzip at all"), reason: "damaged" },
  { name: "an end that is missing", packed: member.subarray(0, -1), reason: "cut short" },
  { name: "a second member that is cut", packed: Buffer.concat([member, member.subarray(0, 40)]), reason: "cut short" },
  { name: "a second member that is damaged", packed: Buffer.concat([member, Buffer.from("1f8b0800000000000003ffffffff", "hex")]), reason: "damaged" },
  { name: "a wrong sum", packed: Buffer.concat([member.subarray(0, -8), Buffer.alloc(8)]), reason: "damaged" },
])("$name is refused", ({ packed, reason }) =>
  expect(() => inflated(packed)).toThrow(expect.objectContaining({ code: "LAYER_INVALID", message: expect.stringContaining(reason) })),
);

async function* inPieces(content: Buffer, bytes: number): AsyncGenerator<Uint8Array> {
  const borrowed = Buffer.alloc(bytes); // whoever packs has to be done with it
  for (let at = 0; at < content.length; at += bytes) yield borrowed.subarray(0, content.copy(borrowed, 0, at, at + bytes));
}

test.each([0, 1, 4, 9])("what is packed at level %d comes out again, in the same bytes however it came in", async (level) => {
  const forms: Buffer[] = [];
  for (const pieces of [both.length, 300_001]) {
    const chunks: Buffer[] = [];
    for await (const chunk of lent(gzip(inPieces(both, pieces), level))) chunks.push(Buffer.from(chunk));
    forms.push(Buffer.concat(chunks));
  }
  expect(gunzipSync(forms[0]!).equals(both)).toBe(true);
  expect(forms[1]!.equals(forms[0]!)).toBe(true);
  if (level > 0) expect(forms[0]!.length).toBeLessThan(noise.length * 1.02);
});

test.each([
  { name: "has no room for its output", scratch: () => join(scratch.root, "absent"), path: process.env["PATH"], says: /ENOENT/ },
  { name: "is not installed", scratch: () => scratch.root, path: "/absent", says: /it is compressed with zstd, which is not installed/ },
])("a program that $name leaves no descriptor and no file", ({ scratch: folder, path, says }) => {
  const blob = join(scratch.root, "blob");
  writeFileSync(blob, "packed");
  const opened = (): number => readdirSync("/proc/self/fd").length;
  const before = opened();
  vi.stubEnv("PATH", path);
  expect(() => [...inflate({ blob, compression: "zstd", scratch: folder() })]).toThrow(says);
  vi.unstubAllEnvs();
  expect([opened(), readdirSync(scratch.root)]).toEqual([before, ["blob"]]);
});
