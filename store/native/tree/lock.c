/* strata-tree lock PATH: waiting for a file's lock; ends with 0 as soon as it could be had, and holds nothing then.
   Node would have to stop its event loop for it, or a thread that nobody could end. */
#define _GNU_SOURCE
#include "common.h"
#include "tree.h"
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <sys/file.h>
#include <sys/prctl.h>
#include <unistd.h>

int
lock_main (int argc, char **argv)
{
  AUTO_CLOSE int fd = -1;
  int result;

  if (argc != 2)
    {
      fprintf (stderr, "lock: one path is needed\n");
      return 2;
    }
  if (prctl (PR_SET_PDEATHSIG, SIGKILL) < 0)
    die ("prctl", "death signal");
  fd = open (argv[1], O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
  if (fd < 0 && errno == ENOENT)
    return 0; /* let go and removed */
  if (fd < 0)
    die ("open", argv[1]);
  do
    result = flock (fd, LOCK_EX);
  while (result < 0 && errno == EINTR);
  if (result < 0)
    die ("flock", argv[1]);
  return 0;
}
