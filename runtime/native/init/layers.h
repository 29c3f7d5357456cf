/* Overlays on kernels that want all lower folders in one option. */
#pragma once

#include <stdbool.h>
#include <stddef.h>

/* Whether this kernel takes them one by one. */
bool layers_singly (void);
/* The overlay of "lowerdir+=PATH", "name=PATH" and "flag" words, mounted over the last of them; returns its root. About 900 layers fit. */
int layers_mount (char **options);
/* The same of detached mounts, for a context whose mount stays detached: about 80 fit. The working folder is /proc/self/fd afterwards. */
void layers_set (int context, const int *trees, size_t count);
