/* The verbs under `files`, and what they share. */
#pragma once
#include <stdint.h>

/* parent.c: opens the folder that holds `path`, beneath the root and through no link; `*last` is the name in it. */
int open_parent (int root, char *path, const char **last);

/* Each returns the exit status. */
int scan_main (const char *folder, const char *option, const char *epoch);
int apply_main (const char *folder);
int write_main (const char *folder);
int capabilities_main (void);

/* capabilities.c: bytes of a file's security.capability, 0 when there is none. */
enum
{
  MAX_CAPABILITY = 64 /* the kernel's own form has 24 */
};
uint32_t read_capability (const char *path, char value[]);
