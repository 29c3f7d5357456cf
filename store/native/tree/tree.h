/* The verbs of strata-tree, and what they share. */
#pragma once
#include <stdint.h>

/* parent.c: opens the folder that holds `path`, beneath the root and through no link; `*last` is the name in it. */
int open_parent (int root, char *path, const char **last);

int scan_main (int argc, char **argv);
int apply_main (int argc, char **argv);
int write_main (int argc, char **argv);
int capabilities_main (int argc, char **argv);
int lock_main (int argc, char **argv);

/* capabilities.c: bytes of a file's security.capability, 0 when there is none. */
enum
{
  MAX_CAPABILITY = 64 /* the kernel's own form has 24 */
};
uint32_t read_capability (const char *path, char value[]);
