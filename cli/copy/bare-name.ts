/** A name alone is the store's. One with a registry in it may have been meant otherwise, so it is said where it led. */
import { namesRegistry } from "../../store/reference.ts";
import type { Place } from "./place.ts";

/** A line for the user whose image was taken from `place`. `text` as it was given. */
export function tellSource(text: string, place: Place): string {
  return isDoubtful(text, place) ? `${text}: taken from the store; docker://${text} asks the registry\n` : "";
}

/** Of an image that is there now. */
export function tellDestination(text: string, place: Place): string {
  return isDoubtful(text, place) ? `${text} is a name in the store now; docker://${text} would push it there\n` : "";
}

/** `store:` before it leaves no doubt. */
function isDoubtful(text: string, place: Place): boolean {
  return place.kind === "store" && place.reference === text && namesRegistry(text);
}
