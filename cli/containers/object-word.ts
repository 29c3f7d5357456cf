/** `pod/web`, `deploy/web`: what verbs for containers take of the cluster too. Names of containers have no slash but one at their start. */
export function isObjectWord(word: string): boolean {
  return word.indexOf("/") > 0;
}
