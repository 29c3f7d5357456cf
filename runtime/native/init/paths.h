/* Paths of the image, found below the new root whatever links it ships, and of sources that programs write into. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

/* From now on targets are looked up below this folder; takes the descriptor, and gives that of the one before. */
int target_root (int fd);
/* The target of a mount, made (as a folder or an empty file) when it is missing; symlinks stay inside the root. */
int target_open (const char *path, bool folder);
/* The same, but no component may be a symlink. */
int target_real_folder (const char *path);
/* The folder that holds `path`, made when missing; `name` becomes the last component. */
int target_parent (const char *path, const char **name);
/* What is at `path` below `folder`, never outside it; missing folders are made, open to the same people as `folder`. */
int source_beneath (const char *folder, const char *path);
/* `fd`, if it is the kernel's /dev/null: anything else would be a door, or show what it should hide. */
int checked_null (int fd, const char *step);

/* mounts.c, for root.c */
void attach_mount (int tree, int target, const char *path);
int change_attributes (int tree, char **fields);
int make_filesystem (const char *type, const char *source, char **options, uint64_t attributes, const char *path);
