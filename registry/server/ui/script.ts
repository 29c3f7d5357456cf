/** The script of the pages: buttons to copy and to fold. Pages are whole without it. */

export const SCRIPT = `"use strict";
const button = (label, act) => {
  const made = document.createElement("button");
  made.type = "button";
  made.textContent = label;
  made.addEventListener("click", act);
  return made;
};
const copy = async (node) => {
  if (navigator.clipboard) return navigator.clipboard.writeText(node.textContent.trim());
  getSelection().selectAllChildren(node); // plain HTTP: the old way
  if (!document.execCommand("copy")) throw new Error("refused");
};
for (const line of document.querySelectorAll("[data-copy]")) {
  const text = line.querySelector("code");
  const made = button("Copy", () => {
    copy(text).then(
      () => (made.textContent = "Copied"),
      () => getSelection().selectAllChildren(text),
    );
    setTimeout(() => (made.textContent = "Copy"), 2000);
  });
  made.setAttribute("aria-label", "Copy " + text.textContent.trim());
  made.className = "copy";
  line.before(made);
}
for (const tree of document.querySelectorAll("[data-tree]")) {
  const folders = tree.querySelectorAll("details");
  const set = (open) => () => folders.forEach((folder) => (folder.open = open));
  if (folders.length === 0) continue;
  const bar = document.createElement("span");
  bar.className = "fold";
  bar.append(button("Unfold all", set(true)), " ", button("Fold all", set(false)));
  tree.previousElementSibling.append(bar);
}
`;
