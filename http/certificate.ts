/** Makes X.509 certificates on P-256 without a library or a program. Spec: RFC 5280. */
import { createHash, createPrivateKey, generateKeyPairSync, randomBytes, sign, X509Certificate, type KeyObject } from "node:crypto";
import { isIP } from "node:net";
import { bits, boolean, context, integer, octets, oid, sequence, set, time, utf8 } from "./der.ts";

export interface KeyPair {
  /** PEM. */
  readonly certificate: string;
  /** PEM, PKCS #8: keep it in a file of mode 0600. */
  readonly key: string;
}

export interface CertificateRequest {
  readonly commonName: string;
  readonly organizations?: readonly string[];
  /** DNS names and IP addresses. */
  readonly names?: readonly string[];
  readonly usage: "server" | "client";
  /** @default 365 */
  readonly days?: number;
}

const OID = {
  ecdsaSha256: "1.2.840.10045.4.3.2",
  commonName: "2.5.4.3",
  organization: "2.5.4.10",
  subjectKey: "2.5.29.14",
  keyUsage: "2.5.29.15",
  alternativeNames: "2.5.29.17",
  basicConstraints: "2.5.29.19",
  authorityKey: "2.5.29.35",
  extendedUsage: "2.5.29.37",
  server: "1.3.6.1.5.5.7.3.1",
  client: "1.3.6.1.5.5.7.3.2",
} as const;
const DIGITAL_SIGNATURE = 0x80;
const SIGN_CERTIFICATES = 0x06;
const AUTHORITY_DAYS = 3650;
const DAY_MS = 86_400_000;
/** Certificates are valid from a little before now: clocks differ. */
const CLOCK_SKEW_MS = 3_600_000;

/** A new authority, signed by itself. */
export function createAuthority(commonName: string): KeyPair {
  const pair = generateKeyPairSync("ec", { namedCurve: "P-256" });
  const name = distinguishedName(commonName, []);
  const extensions = [
    extension(OID.basicConstraints, sequence(boolean(true)), true),
    extension(OID.keyUsage, bits(Uint8Array.of(SIGN_CERTIFICATES), 1), true),
    extension(OID.subjectKey, octets(keyIdentifier(pair.publicKey))),
  ];
  return seal({
    issuer: name,
    subject: name,
    publicKey: pair.publicKey,
    privateKey: pair.privateKey,
    signer: pair.privateKey,
    days: AUTHORITY_DAYS,
    extensions,
  });
}

export function issueCertificate(authority: KeyPair, request: CertificateRequest): KeyPair {
  const pair = generateKeyPairSync("ec", { namedCurve: "P-256" });
  const issuer = new X509Certificate(authority.certificate);
  const commonName = /(?:^|\n)CN=(.*)/.exec(issuer.subject)?.[1] ?? "";
  const extensions = [
    extension(OID.basicConstraints, sequence(), true),
    extension(OID.keyUsage, bits(Uint8Array.of(DIGITAL_SIGNATURE), 7), true),
    extension(OID.extendedUsage, sequence(oid(OID[request.usage]))),
    extension(OID.authorityKey, sequence(context(0, keyIdentifier(issuer.publicKey), false))),
    ...(request.names === undefined || request.names.length === 0 ? [] : [extension(OID.alternativeNames, sequence(...request.names.map(alternativeName)))]),
  ];
  return seal({
    issuer: distinguishedName(commonName, []),
    subject: distinguishedName(request.commonName, request.organizations ?? []),
    publicKey: pair.publicKey,
    privateKey: pair.privateKey,
    signer: createPrivateKey(authority.key),
    days: request.days ?? 365,
    extensions,
  });
}

interface Draft {
  readonly issuer: Buffer;
  readonly subject: Buffer;
  readonly publicKey: KeyObject;
  readonly privateKey: KeyObject;
  readonly signer: KeyObject;
  readonly days: number;
  readonly extensions: readonly Buffer[];
}

function seal({ issuer, subject, publicKey, privateKey, signer, days, extensions }: Draft): KeyPair {
  const now = Date.now();
  const algorithm = sequence(oid(OID.ecdsaSha256));
  const version3 = context(0, integer(Uint8Array.of(2)));
  const validity = sequence(time(new Date(now - CLOCK_SKEW_MS)), time(new Date(now + days * DAY_MS)));
  const body = sequence(
    version3,
    integer(serial()),
    algorithm,
    issuer,
    validity,
    subject,
    publicKey.export({ type: "spki", format: "der" }),
    context(3, sequence(...extensions)),
  );
  const certificate = sequence(body, algorithm, bits(sign("sha256", body, signer)));
  return { certificate: pem(certificate), key: privateKey.export({ type: "pkcs8", format: "pem" }).toString() };
}

/** 127 random bits: positive, and never zero. */
function serial(): Uint8Array {
  const bytes = randomBytes(16);
  bytes[0] = ((bytes[0] ?? 0) & 0x7f) | 0x40;
  return bytes;
}

function distinguishedName(commonName: string, organizations: readonly string[]): Buffer {
  const part = (id: string, value: string): Buffer => set(sequence(oid(id), utf8(value)));
  return sequence(...organizations.map((value) => part(OID.organization, value)), part(OID.commonName, commonName));
}

function extension(id: string, value: Uint8Array, critical = false): Buffer {
  return sequence(oid(id), ...(critical ? [boolean(true)] : []), octets(value));
}

function alternativeName(name: string): Buffer {
  return isIP(name) === 0 ? context(2, Buffer.from(name), false) : context(7, addressBytes(name), false);
}

function addressBytes(address: string): Buffer {
  if (isIP(address) === 4) return Buffer.from(address.split(".").map(Number));
  const [head = "", tail] = address.split("::");
  const groups = (text: string): number[] => (text === "" ? [] : text.split(":").map((group) => Number.parseInt(group, 16)));
  const [before, after] = [groups(head), groups(tail ?? "")];
  const all = tail === undefined ? before : [...before, ...Array.from({ length: 8 - before.length - after.length }, () => 0), ...after];
  return Buffer.from(all.flatMap((group) => [group >> 8, group & 0xff]));
}

function keyIdentifier(key: KeyObject): Buffer {
  return createHash("sha1")
    .update(key.export({ type: "spki", format: "der" }))
    .digest();
}

function pem(der: Buffer): string {
  return `-----BEGIN CERTIFICATE-----\n${der.toString("base64").replaceAll(/.{64}(?=.)/g, "$&\n")}\n-----END CERTIFICATE-----\n`;
}
