/** Where the result of a build goes. */
import type { ExportForm } from "../../store/image/exportable.ts";
import type { Annotation } from "../../builder/output/annotations.ts";

/** How the image's documents and layers are written; undefined compression: as they are until they leave the machine. */
export interface OutputForm extends Omit<ExportForm, "compression" | "annotate"> {
  readonly compression: ExportForm["compression"] | undefined;
  readonly annotations: readonly Annotation[];
}

/** Undefined is standard output. */
export type Destination = string | undefined;

export interface ImageOutput {
  readonly kind: "image";
  /** Undefined: the build's own. */
  readonly names: readonly string[] | undefined;
  readonly push: boolean;
  readonly pushByDigest: boolean;
  readonly insecure: boolean;
  /** Kept in the store. */
  readonly store: boolean;
  /** Named by digest besides. */
  readonly nameCanonical: boolean;
  /** Name of an image that has none: this and its digest. */
  readonly danglingPrefix: string | undefined;
  readonly form: OutputForm;
}

export type Output =
  | ImageOutput
  | {
      readonly kind: "archive";
      readonly names: readonly string[] | undefined;
      readonly destination: Destination;
      /** An OCI layout as a folder rather than as a tar. */
      readonly isFolder: boolean;
      readonly form: OutputForm;
    }
  | {
      readonly kind: "local";
      readonly destination: string;
      /** Remove what is there and not in the result. */ readonly isMirror: boolean;
      readonly split: boolean;
    }
  | { readonly kind: "tar"; readonly destination: Destination; readonly split: boolean }
  | { readonly kind: "none" };

export const PLAIN_FORM: OutputForm = { compression: undefined, force: false, docker: false, annotations: [] };

export const PLAIN_IMAGE: ImageOutput = {
  kind: "image",
  names: undefined,
  push: false,
  pushByDigest: false,
  insecure: false,
  store: true,
  nameCanonical: false,
  danglingPrefix: undefined,
  form: PLAIN_FORM,
};
