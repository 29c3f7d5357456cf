/** The Kubernetes release whose API this server speaks. */

export function versionInfo(): Readonly<Record<string, string>> {
  return {
    major: "1",
    minor: "33",
    gitVersion: "v1.33.0+strata",
    gitCommit: "",
    gitTreeState: "clean",
    buildDate: "1970-01-01T00:00:00Z",
    goVersion: "",
    compiler: process.release.name,
    platform: `${process.platform}/${process.arch === "x64" ? "amd64" : process.arch}`,
  };
}
