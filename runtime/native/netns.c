/* strata-helper netns exec FILE COMMAND…: COMMAND inside the network namespace that FILE names. */
#define _GNU_SOURCE
#include "helper.h"
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

int
netns_main (int argc, char **argv)
{
  if (argc < 4 || strcmp (argv[1], "exec") != 0)
    {
      fprintf (stderr, "Usage: strata-helper netns exec FILE COMMAND…\n");
      return 2;
    }
  AUTO_CLOSE int fd = open (argv[2], O_RDONLY | O_CLOEXEC);
  if (fd < 0 || setns (fd, CLONE_NEWNET) < 0)
    die ("netns", argv[2]);
  execvp (argv[3], argv + 3);
  die ("netns: exec", argv[3]);
}
