/** Which of an index's images is for a machine. Spec: image-spec v1.1, image-index.md, "platform". */
import type { Descriptor, ImageConfig, Platform } from "../oci.ts";

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

/** What an image says that it is for. */
export function platformOf({ os, architecture, variant }: ImageConfig): Platform {
  return { os, architecture, ...(variant === undefined ? {} : { variant }) };
}

/** Those that an index names, for people. */
export function listPlatforms(manifests: readonly Descriptor[]): string {
  const named = manifests.flatMap(({ platform }) => (platform === undefined || platform.os === "unknown" ? [] : [formatPlatform(platform)]));
  return named.join(", ") || "no named platform";
}

const SYSTEMS: ReadonlySet<string> = new Set(["linux", "windows", "darwin", "freebsd", "netbsd", "openbsd", "android", "wasi"]);
const KNOWN: ReadonlySet<string> = new Set("386 amd64 arm arm64 loong64 mips mipsle mips64 mips64le ppc64 ppc64le riscv64 s390x wasm".split(" "));
const PARTS = /^(?<os>[a-z0-9_.-]+)(?:\((?<version>[a-z0-9_.-]+)\))?(?:\/(?<architecture>[a-z0-9_.-]+))?(?:\/(?<variant>[a-z0-9_.-]+))?$/i;

/** `linux/amd64`, `linux/arm/v7`, `windows(10.0.17763)/amd64`, `arm64`, `linux`; undefined when it is none. */
export function parsePlatform(text: string): Platform | undefined {
  const { os = "", version, architecture, variant } = PARTS.exec(text)?.groups ?? {};
  const rest = { ...(version === undefined ? {} : { "os.version": version }), ...(variant === undefined ? {} : { variant }) };
  if (architecture !== undefined) return normalPlatform({ os: os.toLowerCase(), architecture, ...rest });
  if (SYSTEMS.has(os)) return { ...hostPlatform(), os, ...rest };
  const lone = normalPlatform({ os: "linux", architecture: os });
  return KNOWN.has(lone.architecture) && version === undefined ? lone : undefined;
}

/** The one that fits best: the same variant, else the newest older one, else any. */
export function choosePlatform(manifests: readonly Descriptor[], wanted: Platform): Descriptor | undefined {
  const fitting = manifests.filter(({ platform }) => platform !== undefined && matches(platform, wanted));
  const want = variantOf(wanted);
  const rank = ({ platform }: Descriptor): number => {
    const have = variantOf(platform!);
    return have <= want ? want - have : MAX_VARIANT + have;
  };
  const [best] = fitting.toSorted((a, b) => rank(a) - rank(b));
  return best ?? (manifests.length === 1 && manifests[0]!.platform === undefined ? manifests[0] : undefined);
}

export function matches(platform: Platform, wanted: Platform): boolean {
  const [have, want] = [normalPlatform(platform), normalPlatform(wanted)];
  return (
    have.os === want.os &&
    have.architecture === want.architecture &&
    (have.variant === undefined || want.variant === undefined || variantOf(have) <= variantOf(want))
  );
}

const MAX_VARIANT = 100;
/** What a machine of an architecture has when nothing is said. */
const BASE_VARIANTS: Readonly<Record<string, number>> = { arm: 7, arm64: 8, amd64: 1 };

/** The 7 of v7: each runs what the ones before it run. */
function variantOf(platform: Platform): number {
  const { architecture, variant } = normalPlatform(platform);
  return variant === undefined ? (BASE_VARIANTS[architecture] ?? 0) : Number.parseInt(variant.replace(/^v/, ""), 10) || 0;
}

const ALIASES: Readonly<Record<string, Omit<Platform, "os">>> = {
  x86_64: { architecture: "amd64" },
  "x86-64": { architecture: "amd64" },
  aarch64: { architecture: "arm64" },
  i386: { architecture: "386" },
  i686: { architecture: "386" },
  armhf: { architecture: "arm", variant: "v7" },
  armel: { architecture: "arm", variant: "v6" },
};

/** The names that Go uses, and the variants that are understood left unsaid, but for arm, which has always said its own. */
export function normalPlatform(platform: Platform): Platform {
  const { variant: given, architecture: name, ...rest } = platform;
  const { architecture, variant = given } = ALIASES[name.toLowerCase()] ?? { architecture: name };
  const written = variant === undefined || variant === "" ? undefined : /^\d/.test(variant) ? `v${variant}` : variant;
  const isImplied = written === undefined || (architecture === "arm64" && written === "v8") || (architecture === "amd64" && written === "v1");
  if (architecture === "arm" && written === undefined) return { ...rest, architecture, variant: "v7" };
  return { ...rest, architecture, ...(isImplied ? {} : { variant: written }) };
}
