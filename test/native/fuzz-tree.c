/* Fuzzes what strata-tree reads on standard input: `apply` of operations, `write` of wishes; the verb is named by VERB. */
#define _GNU_SOURCE
#include "fuzz.h"
#include "tree.h"
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

static void
run (const Input *input)
{
  const char *verb = getenv ("VERB");
  int words = memfd_create ("input", MFD_CLOEXEC), nothing = open ("/dev/null", O_RDWR | O_CLOEXEC);

  if (words < 0 || write (words, input->bytes, input->size) < 0 || lseek (words, 0, SEEK_SET) < 0)
    _exit (2);
  dup2 (words, 0);
  dup2 (nothing, 1);
  char *arguments[] = { (char *) verb, "/rootfs", NULL };
  if (strcmp (verb, "apply") == 0)
    apply_main (2, arguments);
  else if (strcmp (verb, "write") == 0)
    write_main (2, arguments);
  else
    capabilities_main (1, arguments);
}

int
main (int argc, char **argv)
{
  return fuzz_main (argc, argv, run, fuzz_mutate);
}
