/** Which base images there are, and the names of remote images that they stand for. */

export interface Base {
  readonly name: string;
  /** Raise it when what goes into the base changes: bases are kept. */
  readonly version: number;
  readonly packages: readonly string[];
  /** Names under which the Dockerfiles ask for it. */
  readonly standsFor: readonly string[];
}

const PROGRAMS = "base-files bash busybox-static coreutils dash findutils grep gzip libc-bin libc6 libcap2-bin login passwd sed tar";
const LIBRARIES =
  "libacl1 libattr1 libaudit-common libaudit1 libbz2-1.0 libcap-ng0 libcap2 libcrypt1 libdb5.3 libgmp10 libpam-modules libpam-runtime " +
  "libpam0g libpcre2-8-0 libselinux1 libsemanage2 libsepol2 libtinfo6";

const SMALL = "alpine alpine:3.6 alpine:4 busybox busybox:1.27.2 busybox:1.31.0-uclibc quay.io/libpod/alpine quay.io/libpod/busybox";
const LARGE =
  "debian debian:bullseye-slim debian:jessie debian:stable debian:wheezy ubuntu ubuntu:12.04 ubuntu:14.04 ubuntu:18.04 ubuntu:trusty centos:7 centos:8 fedora " +
  "registry.centos.org/centos/centos:centos7 registry.centos.org/centos/centos:7 registry.fedoraproject.org/fedora:30 quay.io/libpod/podman_python golang:1.7.3 python:3";

export const BASES: readonly Base[] = [
  { name: "small", version: 4, packages: ["busybox-static"], standsFor: SMALL.split(" ") },
  { name: "debian", version: 4, packages: `${PROGRAMS} ${LIBRARIES}`.split(" "), standsFor: LARGE.split(" ") },
];
