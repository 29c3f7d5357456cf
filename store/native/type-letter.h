/* How records of files name their types. */
#pragma once

#include <stdint.h>
#include <sys/stat.h>

static inline uint8_t
type_letter (mode_t mode)
{
  switch (mode & S_IFMT)
    {
    case S_IFREG:
      return 'f';
    case S_IFDIR:
      return 'd';
    case S_IFLNK:
      return 'l';
    case S_IFIFO:
      return 'p';
    case S_IFCHR:
      return 'c';
    case S_IFBLK:
      return 'b';
    default:
      return 's';
    }
}
