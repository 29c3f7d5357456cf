/* strata-helper show IMAGE TARGET: has the file system in IMAGE mounted where only this process sees it, as its working folder, until its input
   ends; so whoever knows its pid reads it at /proc/PID/cwd. Killed with whoever started it, it leaves neither a mount nor a device. */
#define _GNU_SOURCE
#include "common.h"
#include "disk.h"
#include "verbs.h"
#include <errno.h>
#include <stdio.h>
#include <unistd.h>

int
show_main (int argc, char **argv)
{
  char byte;

  if (argc != 3)
    {
      fprintf (stderr, "show: an image and a folder are needed\n");
      return 2;
    }
  disk_apart (argv);
  if (chdir (argv[2]) < 0 || write (1, "\n", 1) != 1)
    die ("show", argv[2]);
  while (TEMP_FAILURE_RETRY (read (0, &byte, 1)) > 0)
    continue;
  return 0;
}
