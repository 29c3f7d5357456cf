/* One file on its way into a container or out of it: this, its path, a link's target, a plain file's content.
   runtime/engine/copy-entry.ts is the other end. */
#pragma once

#include <stdint.h>

enum
{
  MAX_ENTRY_PATH = 4096,
};

struct entry
{
  uint8_t type; /* f file, d folder, l link, h hard link, p pipe, c and b devices */
  uint8_t padding[3];
  uint32_t mode, uid, gid;
  int64_t mtime;
  uint64_t size; /* of the content; a device's major in the upper half, its minor in the lower */
  uint32_t path_length, target_length;
} __attribute__ ((packed));
