/* huge-pages COUNT [noreserve]: takes huge pages one at a time, each mapped and written, and tells how many there were and what ended it. */
#define _GNU_SOURCE
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#define PAGE (2ul << 20)

static int taken;

static void
refused (int signal)
{
  char text[64];
  int size = snprintf (text, sizeof text, "%d, then SIGBUS\n", taken);

  (void) signal;
  _exit (write (1, text, (size_t) size) == size ? 0 : 1);
}

int
main (int argc, char **argv)
{
  int wanted = argc > 1 ? atoi (argv[1]) : 1;
  int flags = MAP_PRIVATE | MAP_ANONYMOUS | MAP_HUGETLB | (argc > 2 && strcmp (argv[2], "noreserve") == 0 ? MAP_NORESERVE : 0);

  signal (SIGBUS, refused);
  for (; taken < wanted; taken++)
    {
      char *page = mmap (NULL, PAGE, PROT_READ | PROT_WRITE, flags, -1, 0);
      if (page == MAP_FAILED)
        return printf ("%d, then %s\n", taken, strerrorname_np (errno)) < 0;
      page[0] = 1;
    }
  return printf ("%d\n", taken) < 0;
}
