/* What the verbs under `files` share. */
#pragma once

/* Opens the folder that holds `path`, beneath the root and through no link; `*last` is the name in it. */
int open_parent (int root, char *path, const char **last);
int write_main (const char *folder);
