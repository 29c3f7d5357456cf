/* strata-tree capabilities: security.capability of the paths on standard input (each ends with a zero byte), as length and bytes. */
#define _GNU_SOURCE
#include "tree.h"
#include "common.h"
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/types.h>
#include <sys/xattr.h>

/* 0 when there is none, or the file is gone. A link is not followed. */
uint32_t
read_capability (const char *path, char value[])
{
  ssize_t size = lgetxattr (path, "security.capability", value, MAX_CAPABILITY);

  return size < 0 ? 0 : size;
}

int
capabilities_main (int argc, char **argv)
{
  char *path = NULL;
  size_t capacity = 0;

  (void) argc, (void) argv;
  while (getdelim (&path, &capacity, '\0', stdin) > 0)
    {
      char value[MAX_CAPABILITY];
      uint32_t size = read_capability (path, value);

      if (fwrite (&size, sizeof size, 1, stdout) != 1 || fwrite (value, 1, size, stdout) != size)
        die ("write", "capabilities");
    }
  free (path);
  if (ferror (stdin) || fflush (stdout) != 0)
    die ("write", "capabilities");
  return 0;
}
