/** What is written onto the documents of an image as it leaves, apart from its content. Spec: image-spec v1.1, annotations.md. */
import type { Platform } from "../oci.ts";

export type Annotations = Readonly<Record<string, string>>;

/** Where an annotation goes: into a document, or into the descriptor that points at it. */
export type AnnotationLevel = "manifest" | "index" | "manifest-descriptor" | "index-descriptor";

/** The platform is that of the manifest; indexes have none. Empty for nothing. */
export type Annotator = (level: AnnotationLevel, platform?: Platform) => Annotations;

export function withAnnotations<Document extends { readonly annotations?: Annotations }>(document: Document, added: Annotations): Document {
  if (Object.keys(added).length === 0) return document;
  const annotations = Object.entries({ ...document.annotations, ...added }).sort(([a], [b]) => (a < b ? -1 : 1));
  return { ...document, annotations: Object.fromEntries(annotations) };
}
