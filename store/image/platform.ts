/** Which of an index's images is for a machine. Spec: image-spec v1.1, image-index.md, "platform". */
import type { Descriptor, Platform } from "../oci.ts";

const ARCHITECTURES: Readonly<Record<string, Platform>> = {
  x64: { os: "linux", architecture: "amd64" },
  arm64: { os: "linux", architecture: "arm64" },
  arm: { os: "linux", architecture: "arm", variant: "v7" },
  ia32: { os: "linux", architecture: "386" },
  ppc64: { os: "linux", architecture: "ppc64le" },
  s390x: { os: "linux", architecture: "s390x" },
  riscv64: { os: "linux", architecture: "riscv64" },
};

export function hostPlatform(): Platform {
  return ARCHITECTURES[process.arch] ?? { os: "linux", architecture: process.arch };
}

/** `linux/arm/v7` */
export function formatPlatform(platform: Platform): string {
  return [platform.os, platform.architecture, platform.variant].filter((part) => part !== undefined && part !== "").join("/");
}

/** `linux/amd64`, `linux/arm/v7`, `arm64`; undefined when it is none. */
export function parsePlatform(text: string): Platform | undefined {
  const parts = text.split("/");
  if (parts.length > 3 || parts.some((part) => !/^[a-z0-9_.-]+$/i.test(part))) return undefined;
  const [os, architecture, variant] = parts.length === 1 ? ["linux", parts[0]!] : (parts as [string, string, string?]);
  return normal({ os, architecture, ...(variant === undefined ? {} : { variant }) });
}

/** The first that fits best: exact variant before any. */
export function choosePlatform(manifests: readonly Descriptor[], wanted: Platform): Descriptor | undefined {
  const fitting = manifests.filter(({ platform }) => platform !== undefined && matches(platform, wanted));
  const exact = fitting.find(({ platform }) => normal(platform!).variant === normal(wanted).variant);
  return exact ?? fitting[0] ?? (manifests.length === 1 && manifests[0]!.platform === undefined ? manifests[0] : undefined);
}

export function matches(platform: Platform, wanted: Platform): boolean {
  const [have, want] = [normal(platform), normal(wanted)];
  return (
    have.os === want.os &&
    have.architecture === want.architecture &&
    (have.variant === want.variant || have.variant === undefined || want.variant === undefined)
  );
}

/** The names that Go uses, and arm64's only variant left unsaid. */
function normal(platform: Platform): Platform {
  const alias: Readonly<Record<string, string>> = { x86_64: "amd64", "x86-64": "amd64", aarch64: "arm64", i386: "386", armhf: "arm" };
  const architecture = alias[platform.architecture] ?? platform.architecture;
  const { variant, ...rest } = platform;
  const isImplied = variant === undefined || variant === "" || (architecture === "arm64" && variant === "v8");
  return { ...rest, architecture, ...(isImplied ? {} : { variant }) };
}
