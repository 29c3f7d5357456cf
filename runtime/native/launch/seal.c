/* The helper on its way into a container: nobody there may write to the file that it came from (CVE-2019-5736). */
#define _GNU_SOURCE
#include "common.h"
#include "launch.h"
#include <fcntl.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/sendfile.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#define SEALED "sealed"

/* A read-only mount of this very program; without the right to mount, a sealed copy in memory. */
static int
open_sealed (void)
{
  struct mount_attr read_only = { .attr_set = MOUNT_ATTR_RDONLY | MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV };
  int tree = open_tree (AT_FDCWD, "/proc/self/exe", OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC);

  if (tree >= 0 && mount_setattr (tree, "", AT_EMPTY_PATH, &read_only, sizeof read_only) == 0)
    return tree;
  struct stat status;
  AUTO_CLOSE int self = open ("/proc/self/exe", O_RDONLY | O_CLOEXEC);
  int copy = memfd_create ("strata-helper", MFD_CLOEXEC | MFD_ALLOW_SEALING);
  if (self < 0 || copy < 0 || fstat (self, &status) < 0 || sendfile (copy, self, NULL, status.st_size) != status.st_size)
    die ("seal", "helper");
  if (fcntl (copy, F_ADD_SEALS, F_SEAL_SEAL | F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_WRITE) < 0)
    die ("seal", "helper");
  return copy;
}

/* What a container may see as /proc/PID/exe for a moment must not be the file on disk: it could be written to later. */
void
seal_self (int argc, char **argv)
{
  char name[] = "strata-helper", sealed[] = SEALED, none[] = "0";
  char *whole[] = { name, argv[0], argc > 1 ? argv[1] : none, sealed, NULL };

  if (argc == 3 && strcmp (argv[2], SEALED) == 0)
    return;
  AUTO_CLOSE int fd = open_sealed ();
  syscall (SYS_execveat, fd, "", whole, environ, AT_EMPTY_PATH);
  die ("seal", "execveat");
}
