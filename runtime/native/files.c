/* strata-helper files: trees of files, what Node has no call for.
   All verbs speak records of little-endian numbers; store/native/ holds the other end. */
#define _GNU_SOURCE
#include "files.h"
#include "helper.h"
#include <stdio.h>
#include <string.h>

int
files_main (int argc, char **argv)
{
  if (argc >= 3 && strcmp (argv[1], "scan") == 0)
    return scan_main (argv[2], argc > 3 ? argv[3] : NULL, argc == 5 && strcmp (argv[3], "--epoch") == 0 ? argv[4] : NULL);
  if (argc == 3 && strcmp (argv[1], "apply") == 0)
    return apply_main (argv[2]);
  if (argc == 3 && strcmp (argv[1], "write") == 0)
    return write_main (argv[2]);
  if (argc == 2 && strcmp (argv[1], "capabilities") == 0)
    return capabilities_main ();
  fprintf (stderr, "usage: strata-helper files scan FOLDER [--plain | --epoch SECONDS] | files apply FOLDER | files write FOLDER | files capabilities\n");
  return 2;
}
