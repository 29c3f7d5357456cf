import { execFileSync } from "node:child_process";
import { X509Certificate } from "node:crypto";
import { statSync, writeFileSync } from "node:fs";
import { connect } from "node:tls";
import { join } from "node:path";
import { expect, test } from "vitest";
import { keepKeyPair } from "../../http/certificate-files.ts";
import { createAuthority, issueCertificate } from "../../http/certificate.ts";
import { text } from "../../http/reply.ts";
import { serve } from "../../http/serve.ts";
import { temporaryRoot } from "../support/root.ts";

const authority = createAuthority("strata test authority");
const names = ["localhost", "127.0.0.1", "::1", "fd00::1:2", "kubernetes.default.svc"];
const server = issueCertificate(authority, { commonName: "server", names, usage: "server" });

test.each(names)("a server certificate is good for %s", (name) => {
  const certificate = new X509Certificate(server.certificate);
  expect(name.includes(":") || /^[\d.]+$/.test(name) ? certificate.checkIP(name) : certificate.checkHost(name)).toBe(name);
  expect(certificate.checkHost("elsewhere.example")).toBeUndefined();
});

test("openssl verifies the chain strictly, each certificate for its own use", () => {
  using scratch = temporaryRoot();
  const client = issueCertificate(authority, { commonName: "admin", organizations: ["system:masters"], usage: "client" });
  const write = (name: string, content: string): string => {
    const path = join(scratch.root, name);
    writeFileSync(path, content);
    return path;
  };
  const ca = write("ca.crt", authority.certificate);
  const verify = (purpose: string, path: string): string =>
    execFileSync("openssl", ["verify", "-x509_strict", "-purpose", purpose, "-CAfile", ca, path], { encoding: "utf8", stdio: ["ignore", "pipe", "pipe"] });
  expect(verify("sslserver", write("server.crt", server.certificate))).toContain("OK");
  expect(verify("sslclient", write("client.crt", client.certificate))).toContain("OK");
  expect(() => verify("sslserver", write("client.crt", client.certificate))).toThrow();
  expect(new X509Certificate(client.certificate).subject).toBe("O=system:masters\nCN=admin");
});

test("a TLS server shows it, and sees who a client is", async () => {
  const client = issueCertificate(authority, { commonName: "admin", usage: "client" });
  await using listener = await serve({
    port: 0,
    tls: { certificate: server.certificate, key: server.key, ca: authority.certificate },
    handler: ({ secure, socket }) =>
      text(200, `${String(secure)} ${(socket as unknown as { getPeerCertificate(): { subject: { CN: string } } }).getPeerCertificate().subject.CN}`),
  });
  const reply = await new Promise<string>((resolve, reject) => {
    const socket = connect(
      { host: "127.0.0.1", port: listener.port, ca: authority.certificate, cert: client.certificate, key: client.key, servername: "localhost" },
      () => {
        socket.end("GET / HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n\r\n");
      },
    );
    let seen = "";
    socket
      .on("data", (chunk) => (seen += chunk.toString()))
      .on("end", () => resolve(seen))
      .on("error", reject);
  });
  expect(reply).toContain("true admin");
});

test("a pair is made once, and its key is its owner's alone", async () => {
  using scratch = temporaryRoot();
  const folder = join(scratch.root, "pki");
  const first = await keepKeyPair(folder, "ca", () => authority);
  const second = await keepKeyPair(folder, "ca", () => createAuthority("another"));
  expect(second).toEqual(first);
  expect(statSync(join(folder, "ca.key")).mode & 0o777).toBe(0o600);
});
