/** All Dockerfiles that are built. */
import { BUILDAH } from "./buildah.ts";
import { MOBY } from "./moby.ts";
import { OTHERS } from "./others.ts";
import type { Row } from "./row.ts";

export const CORPUS: readonly Row[] = [...BUILDAH, ...MOBY, ...OTHERS];
