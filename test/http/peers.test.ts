/** Who sent a request, as far as proxies that are trusted say. */
import { expect, test } from "vitest";
import type { Request } from "../../http/message.ts";
import { behindProxies, direct, parseNetwork, type ProxyHeader } from "../../http/peers.ts";

const networks = ["10.0.0.0/8", "fd00::/8", "192.0.2.7"].map((text) => parseNetwork(text)!);

function request(from: string, headers: Record<string, string>): Pick<Request, "socket" | "headers" | "secure"> {
  return { socket: { remoteAddress: from } as Request["socket"], headers, secure: false };
}

const rows: readonly { readonly name: string; readonly from: string; readonly said: string; readonly want: string; readonly header?: ProxyHeader }[] = [
  { name: "a trusted proxy's word", from: "10.0.0.1", said: "203.0.113.5", want: "203.0.113.5" },
  { name: "a stranger's word is nothing", from: "203.0.113.9", said: "127.0.0.1", want: "203.0.113.9" },
  { name: "what a client wrote before the proxy did is nothing", from: "10.0.0.1", said: "127.0.0.1, 203.0.113.5", want: "203.0.113.5" },
  { name: "through two proxies", from: "10.0.0.1", said: "203.0.113.5, 192.0.2.7", want: "203.0.113.5" },
  { name: "a proxy that nobody trusts in between", from: "10.0.0.1", said: "203.0.113.5, 198.51.100.1", want: "198.51.100.1" },
  { name: "all of them trusted", from: "10.0.0.1", said: "10.1.1.1, 10.2.2.2", want: "10.1.1.1" },
  { name: "what is no address ends it", from: "10.0.0.1", said: "203.0.113.5, unknown, 10.0.0.2", want: "10.0.0.2" },
  { name: "an empty header", from: "10.0.0.1", said: "", want: "10.0.0.1" },
  { name: "a port", from: "10.0.0.1", said: "203.0.113.5:4711", want: "203.0.113.5" },
  { name: "IPv6 in IPv4's clothes", from: "::ffff:10.0.0.1", said: "::ffff:203.0.113.5", want: "203.0.113.5" },
  { name: "IPv6", from: "fd00::1", said: "2001:db8::5", want: "2001:db8::5" },
  { name: "Forwarded", from: "10.0.0.1", said: 'for=127.0.0.1, for="[2001:db8::5]:80";proto=https', want: "2001:db8::5", header: "forwarded" },
  { name: "Forwarded that hides its client", from: "10.0.0.1", said: "for=_hidden", want: "10.0.0.1", header: "forwarded" },
];
test.each(rows)("$name", ({ from, said, want, header = "x-forwarded-for" }) => {
  expect(behindProxies(networks, header).address(request(from, { [header]: said }))).toBe(want);
});

test("the header that was not chosen is not read, and without proxies none is", () => {
  expect(behindProxies(networks, "x-forwarded-for").address(request("10.0.0.1", { forwarded: "for=203.0.113.5" }))).toBe("10.0.0.1");
  expect(behindProxies(networks, "forwarded").address(request("10.0.0.1", { "x-forwarded-for": "203.0.113.5" }))).toBe("10.0.0.1");
  expect(direct.address(request("10.0.0.1", { "x-forwarded-for": "203.0.113.5" }))).toBe("10.0.0.1");
});

test.each([
  { name: "a proxy that ends TLS", from: "10.0.0.1", headers: { "x-forwarded-proto": "https" }, header: "x-forwarded-for" as const, want: true },
  { name: "the last of several words", from: "10.0.0.1", headers: { "x-forwarded-proto": "https, http" }, header: "x-forwarded-for" as const, want: false },
  { name: "a stranger", from: "203.0.113.9", headers: { "x-forwarded-proto": "https" }, header: "x-forwarded-for" as const, want: false },
  { name: "Forwarded", from: "10.0.0.1", headers: { forwarded: "for=203.0.113.5;proto=https" }, header: "forwarded" as const, want: true },
])("TLS: $name", ({ from, headers, header, want }) => expect(behindProxies(networks, header).isSecure(request(from, headers))).toBe(want));

test("networks are addresses with or without a length", () => {
  expect(["10.0.0.0/8", "::1", "1.2.3.4"].map(parseNetwork)).toEqual([
    { address: "10.0.0.0", prefix: 8 },
    { address: "::1", prefix: 128 },
    { address: "1.2.3.4", prefix: 32 },
  ]);
  for (const text of ["10.0.0.0/33", "fe80::/129", "proxy.test", "10.0.0", "1.2.3.4/", ""]) expect([text, parseNetwork(text)]).toEqual([text, undefined]);
});
