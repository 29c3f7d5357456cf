/** The projects whose Dockerfiles are built: packages that bring their sources, and the version that the rows were read from. */

export interface Source {
  readonly project: string;
  readonly from: "debian" | "npm";
  readonly package: string;
  /** Upstream's version; another one is used all the same, and said. */
  readonly version: string;
  /** Folder of the unpacked package in which paths of rows begin; `*` stands for a part of a name. */
  readonly root: string;
}

export const SOURCES = {
  buildah: { project: "buildah", from: "debian", package: "golang-github-containers-buildah", version: "1.28.2", root: "golang-github-containers-buildah-*" },
  moby: { project: "moby, the Docker engine", from: "debian", package: "docker.io", version: "20.10.24", root: "moby-*/engine" },
  "docker-cli": { project: "docker's command and reference", from: "debian", package: "docker.io", version: "20.10.24", root: "cli" },
  podman: { project: "podman", from: "debian", package: "libpod", version: "4.3.1", root: "libpod-*" },
  compose: { project: "docker-compose", from: "debian", package: "docker-compose", version: "1.29.2", root: "compose-*" },
  containerd: { project: "containerd", from: "debian", package: "containerd", version: "1.6.20", root: "containerd-*" },
  dockerfilelint: { project: "dockerfilelint", from: "npm", package: "dockerfilelint", version: "1.8.0", root: "package" },
  "validate-dockerfile": { project: "validate-dockerfile", from: "npm", package: "validate-dockerfile", version: "1.8.1", root: "package" },
} as const satisfies Record<string, Source>;

export type SourceName = keyof typeof SOURCES;
