/* See fuzz.h. The fuzzer is pid 1 of its namespace: after each input it ends whatever that one left running. */
#define _GNU_SOURCE
#include "fuzz.h"
#include <errno.h>
#include <fcntl.h>
#include <linux/capability.h>
#include <poll.h>
#include <sched.h>
#include <stdbool.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

enum
{
  MAX_SEEDS = 64,
  PATIENCE_MS = 400, /* an input that makes the program wait for ever is no finding */
  REPORT_BYTES = 1 << 16,
};

static uint64_t state;
static Input seeds[MAX_SEEDS];
static size_t seed_count;

uint64_t
fuzz_random (uint64_t limit)
{
  state ^= state << 13;
  state ^= state >> 7;
  state ^= state << 17;
  return limit == 0 ? 0 : (state * 0x2545f4914f6cdd1d >> 11) % limit;
}

static void
fail (const char *what)
{
  fprintf (stderr, "fuzz: cannot %s: %s\n", what, strerror (errno));
  _exit (2);
}

static void
replace (Input *input, size_t at, size_t gone, const uint8_t *with, size_t size)
{
  if (input->size - gone + size > FUZZ_MAX_BYTES)
    return;
  uint8_t *copy = malloc (size + 1);
  if (copy == NULL)
    fail ("allocate");
  memcpy (copy, with, size);
  memmove (input->bytes + at + size, input->bytes + at + gone, input->size - at - gone);
  memcpy (input->bytes + at, copy, size);
  input->size += size - gone;
  free (copy);
}

static void
mutate_once (Input *input, const Input *other)
{
  static const uint32_t edges[] = { 0, 1, 2, 4, 0x7f, 0x80, 0xff, 0x100, 0x7fff, 0xffff, 0x7fffffff, 0x80000000, 0xfffffffe, 0xffffffff };
  size_t at = fuzz_random (input->size), length = fuzz_random (input->size - at < 64 ? input->size - at : 64);
  uint8_t any[32];

  for (size_t i = 0; i < sizeof any; i++)
    any[i] = fuzz_random (256);
  switch (fuzz_random (7))
    {
    case 0:
      if (input->size > 0)
        input->bytes[at] ^= 1 << fuzz_random (8);
      return;
    case 1:
      input->size = at;
      return;
    case 2:
      if (input->size >= 4 && at <= input->size - 4)
        memcpy (input->bytes + at, &edges[fuzz_random (sizeof edges / sizeof *edges)], 4);
      return;
    case 3:
      replace (input, at, length, any, 0);
      return;
    case 4:
      replace (input, at, 0, any, fuzz_random (sizeof any));
      return;
    case 5:
      replace (input, at, 0, input->bytes + at, length);
      return;
    default:
      at = fuzz_random (other->size);
      length = fuzz_random (other->size - at < 256 ? other->size - at : 256);
      replace (input, fuzz_random (input->size + 1), 0, other->bytes + at, length);
    }
}

void
fuzz_mutate (Input *input, const Input *other)
{
  for (uint64_t times = 1 + fuzz_random (4); times > 0; times--)
    mutate_once (input, other);
}

static void
read_seeds (int count, char **paths)
{
  for (int i = 0; i < count && i < MAX_SEEDS; i++)
    {
      int fd = open (paths[i], O_RDONLY | O_CLOEXEC);
      uint8_t *bytes = malloc (FUZZ_MAX_BYTES);
      ssize_t size = fd < 0 || bytes == NULL ? -1 : read (fd, bytes, FUZZ_MAX_BYTES);
      if (size < 0)
        fail (paths[i]);
      close (fd);
      seeds[seed_count++] = (Input) { bytes, size };
    }
}

/* Capabilities over the machine itself, which no namespace holds back. */
static void
drop_machine (void)
{
  static const int over[] = { CAP_SYS_BOOT, CAP_SYS_TIME, CAP_SYS_MODULE, CAP_SYS_RAWIO, CAP_SYSLOG, CAP_BPF, CAP_PERFMON, CAP_SYS_RESOURCE };

  for (size_t i = 0; i < sizeof over / sizeof *over; i++)
    prctl (PR_CAPBSET_DROP, over[i]);
}

static void
enter_root (const char *root)
{
  static const char *const devices[] = { "/dev/null", "/dev/zero", "/dev/full", "/dev/random", "/dev/urandom", "/dev/tty" };

  if (mount (NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) < 0 || mount (root, root, NULL, MS_BIND, NULL) < 0 || chdir (root) < 0)
    fail ("use the root");
  if (mount ("proc", "proc", "proc", MS_NOSUID | MS_NODEV | MS_NOEXEC, NULL) < 0)
    fail ("mount proc");
  if (mount ("proc/sys", "proc/sys", NULL, MS_BIND, NULL) < 0 || mount (NULL, "proc/sys", NULL, MS_BIND | MS_REMOUNT | MS_RDONLY, NULL) < 0)
    fail ("guard proc/sys");
  if (mount ("/dev/null", "proc/sysrq-trigger", NULL, MS_BIND, NULL) < 0 && errno != ENOENT)
    fail ("guard proc");
  for (size_t i = 0; i < sizeof devices / sizeof *devices; i++)
    if (mount (devices[i], devices[i] + 1, NULL, MS_BIND, NULL) < 0)
      fail (devices[i]);
  if (syscall (SYS_pivot_root, ".", ".") < 0 || umount2 (".", MNT_DETACH) < 0 || chdir ("/") < 0)
    fail ("pivot");
}

/* What a sanitizer wrote; both print to the standard error that the program was given. */
static bool
is_finding (int report, int status)
{
  static char text[REPORT_BYTES];
  ssize_t size = pread (report, text, sizeof text - 1, 0);

  text[size > 0 ? size : 0] = '\0';
  bool crashed = WIFSIGNALED (status) && WTERMSIG (status) != SIGKILL && WTERMSIG (status) != SIGALRM && WTERMSIG (status) != SIGPIPE;
  if (!crashed && strstr (text, "Sanitizer") == NULL && strstr (text, "runtime error") == NULL)
    return false;
  fprintf (stderr, "fuzz: finding (status %#x):\n%s\n", status, text);
  return true;
}

static int
wait_for (pid_t child)
{
  int status = 0;
  int process = syscall (SYS_pidfd_open, child, 0);
  struct pollfd watched = { .fd = process, .events = POLLIN };

  poll (&watched, 1, getenv ("SHOW") == NULL ? PATIENCE_MS : 25 * PATIENCE_MS);
  close (process);
  if (waitpid (child, &status, WNOHANG) == 0)
    status = SIGKILL;
  kill (-1, SIGKILL);
  while (waitpid (-1, NULL, 0) > 0)
    continue;
  return status;
}

static bool
run_one (const Input *input, FuzzRun run)
{
  int report = memfd_create ("report", 0);
  pid_t child = fork ();

  if (report < 0 || child < 0)
    fail ("fork");
  if (child == 0)
    {
      dup2 (report, 2);
      if (unshare (CLONE_NEWNS) < 0 || mount ("tmpfs", "/state", "tmpfs", 0, "size=16m") < 0)
        fail ("unshare");
      run (input);
      _exit (0);
    }
  bool found = is_finding (report, wait_for (child));
  close (report);
  return found;
}

static int
fuzz (uint64_t seed, uint64_t count, FuzzRun run, FuzzChange change)
{
  Input input = { malloc (FUZZ_MAX_BYTES), 0 };
  uint64_t findings = 0, i;

  for (i = 0; i < count && findings < 5; i++)
    {
      const Input *base = &seeds[fuzz_random (seed_count)];
      memcpy (input.bytes, base->bytes, base->size);
      input.size = base->size;
      if (i >= seed_count)
        change (&input, &seeds[fuzz_random (seed_count)]);
      if (!run_one (&input, run))
        continue;
      findings++;
      char name[64];
      snprintf (name, sizeof name, "/finding-%lu", (unsigned long) i);
      int fd = open (name, O_WRONLY | O_CREAT | O_TRUNC, 0600);
      if (fd < 0 || write (fd, input.bytes, input.size) < 0)
        fail (name);
      close (fd);
    }
  printf ("seed %lu: %lu inputs, %lu findings\n", (unsigned long) seed, (unsigned long) i, (unsigned long) findings);
  return findings == 0 ? 0 : 1;
}

int
fuzz_main (int argc, char **argv, FuzzRun run, FuzzChange change)
{
  if (argc < 5)
    return 2;
  uint64_t seed = strtoull (argv[1], NULL, 10), count = strtoull (argv[2], NULL, 10);
  int status = 0;

  state = seed * 0x9e3779b97f4a7c15 + 1;
  read_seeds (argc - 4, argv + 4);
  if (unshare (CLONE_NEWNS | CLONE_NEWPID | CLONE_NEWUTS | CLONE_NEWIPC | CLONE_NEWNET) < 0)
    fail ("unshare");
  pid_t child = fork ();
  if (child < 0)
    fail ("fork");
  if (child == 0)
    {
      prctl (PR_SET_PDEATHSIG, SIGKILL);
      enter_root (argv[3]);
      drop_machine ();
      exit (fuzz (seed, count, run, change));
    }
  waitpid (child, &status, 0);
  return WIFEXITED (status) ? WEXITSTATUS (status) : 2;
}
