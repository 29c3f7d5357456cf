/* Overlays on kernels that want all lower folders in one option. */
#pragma once

#include <stdbool.h>

/* Whether this kernel takes them one by one. */
bool layers_singly (void);
/* The overlay of "lowerdir+=PATH", "name=PATH" and "flag" words, mounted over the last of them; returns its root. About 900 layers fit. */
int layers_mount (char **options);
