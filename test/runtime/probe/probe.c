/* probe VERB…: what a program inside a container can and cannot do, one system call at a time. */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <linux/keyctl.h>
#include <linux/sched.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

static int
answer (long result)
{
  puts (result < 0 ? strerrorname_np (errno) : "ok");
  return 0;
}

/* As a 32-bit program asks, by the gate that 64-bit ones may take too: getpid is 20 there, and writev here. */
static long
ask_x86 (long number)
{
#ifdef __x86_64__
  long result;

  __asm__ volatile ("int $0x80" : "=a"(result) : "a"(number), "b"(0), "c"(0), "d"(0) : "r8", "r9", "r10", "r11", "memory");
  errno = (int) -result;
  return result < 0 ? -1 : result;
#else
  (void) number;
  errno = ENOEXEC;
  return -1;
#endif
}

/* The x32 table is the same kernel entry with bit 30 set. */
static long
ask (const char *name)
{
  struct clone_args arguments = { .exit_signal = SIGCHLD };

  if (strcmp (name, "keyctl") == 0)
    return syscall (SYS_keyctl, 0, -3, 0, 0, 0);
  if (strcmp (name, "clone3") == 0)
    return syscall (SYS_clone3, &arguments, sizeof arguments);
  if (strcmp (name, "clone-newuser") == 0)
    return syscall (SYS_clone, CLONE_NEWUSER | SIGCHLD, NULL, NULL, NULL, 0);
  if (strcmp (name, "unshare") == 0)
    return unshare (CLONE_NEWNS);
  if (strcmp (name, "af-alg") == 0)
    return socket (AF_ALG, SOCK_SEQPACKET, 0);
  if (strcmp (name, "af-vsock") == 0)
    return socket (AF_VSOCK, SOCK_STREAM, 0);
  if (strcmp (name, "af-inet") == 0)
    return socket (AF_INET, SOCK_STREAM, 0);
  if (strcmp (name, "af-xdp") == 0)
    return socket (AF_XDP, SOCK_RAW, 0);
  if (strcmp (name, "io-uring") == 0)
    return syscall (SYS_io_uring_setup, 1, NULL);
  if (strcmp (name, "x32-getpid") == 0)
    return syscall (0x40000000 + SYS_getpid);
  if (strcmp (name, "x86-getpid") == 0)
    return ask_x86 (20);
  if (strcmp (name, "unknown") == 0)
    return syscall (1000);
  if (strcmp (name, "mount") == 0)
    return syscall (SYS_mount, "none", "/", "tmpfs", 0, NULL);
  if (strcmp (name, "bpf") == 0)
    return syscall (SYS_bpf, 0, NULL, 0);
  if (strcmp (name, "settimeofday") == 0)
    return syscall (SYS_settimeofday, &(struct timeval){ .tv_sec = time (NULL) }, NULL); /* were it allowed it should do no harm */
  if (strcmp (name, "clock-settime") == 0)
    return syscall (SYS_clock_settime, CLOCK_REALTIME, &(struct timespec){ .tv_sec = time (NULL) });
  if (strcmp (name, "init-module") == 0)
    return syscall (SYS_init_module, "", 0, "");
  if (strcmp (name, "finit-module") == 0)
    return syscall (SYS_finit_module, 0, "", 0);
  if (strcmp (name, "delete-module") == 0)
    return syscall (SYS_delete_module, "none", 0);
  if (strcmp (name, "setgroups") == 0)
    return setgroups (1, &(gid_t){ 0 });
  if (strcmp (name, "personality-linux32") == 0)
    return syscall (SYS_personality, 8);
  if (strcmp (name, "personality-svr4") == 0)
    return syscall (SYS_personality, 0x2000001);
  errno = EINVAL;
  return -1;
}

/* Allocates until it is stopped. */
static int
eat (long megabytes)
{
  for (long i = 0; i < megabytes; i++)
    {
      char *block = malloc (1 << 20);
      if (block == NULL)
        return 3;
      memset (block, 1, 1 << 20);
    }
  puts ("full");
  return 0;
}

static int
fork_many (int count)
{
  int made = 0;

  for (; made < count; made++)
    {
      pid_t pid = fork ();
      if (pid < 0)
        break;
      if (pid == 0)
        {
          pause ();
          _exit (0);
        }
    }
  printf ("%d\n", made);
  return 0;
}

static int
list_descriptors (void)
{
  for (int fd = 0; fd < 1024; fd++)
    if (fcntl (fd, F_GETFD) >= 0)
      printf ("%d ", fd);
  puts ("");
  return 0;
}

static int
burn (double seconds)
{
  struct rusage usage;

  for (;;)
    {
      getrusage (RUSAGE_SELF, &usage);
      if (usage.ru_utime.tv_sec + usage.ru_stime.tv_sec + (usage.ru_utime.tv_usec + usage.ru_stime.tv_usec) / 1e6 > seconds)
        return 0;
    }
}

/* The name of the session keyring, and whether a key of the host is found from there. */
static int
show_keyring (const char *key)
{
  char text[256] = "";

  if (syscall (SYS_keyctl, KEYCTL_DESCRIBE, -3, text, sizeof text) < 0)
    return answer (-1);
  char *name = strrchr (text, ';');
  printf ("%s ", name == NULL ? text : name + 1);
  return answer (syscall (SYS_keyctl, KEYCTL_SEARCH, -3, "user", key, 0));
}

/* Runs a program that inherits a session keyring with a key in it. */
static int
with_key (char **words)
{
  if (syscall (SYS_keyctl, KEYCTL_JOIN_SESSION_KEYRING, "host", 0, 0, 0) < 0 || syscall (SYS_add_key, "user", words[0], "secret", 6L, -3) < 0)
    return answer (-1);
  execvp (words[1], words + 1);
  return answer (-1);
}

/* Turns two names into each other, over and over, with no moment between; ends by itself should nobody end it. */
static int
swap (const char *one, const char *other, time_t seconds)
{
  for (time_t end = time (NULL) + seconds; time (NULL) < end;)
    for (int i = 0; i < 1000; i++)
      if (syscall (SYS_renameat2, AT_FDCWD, one, AT_FDCWD, other, 2 /* RENAME_EXCHANGE */) < 0)
        return answer (-1);
  return 0;
}

/* How the kernel schedules us, as numbers: io priority, personality, memory policy. */
static int
show_treatment (void)
{
  int mode = -1;

  syscall (SYS_get_mempolicy, &mode, NULL, 0, NULL, 0);
  printf ("io %ld personality %ld memory %d\n", syscall (SYS_ioprio_get, 1, 0), syscall (SYS_personality, 0xffffffff), mode);
  return 0;
}

int
main (int argc, char **argv)
{
  const char *verb = argc > 1 ? argv[1] : "";
  const char *word = argc > 2 ? argv[2] : "";

  setvbuf (stdout, NULL, _IOLBF, 0);
  if (strcmp (verb, "swap") == 0 && argc == 5)
    return swap (argv[2], argv[3], atol (argv[4]));
  if (strcmp (verb, "keyring") == 0)
    return show_keyring (word);
  if (strcmp (verb, "with-key") == 0 && argc > 3)
    return with_key (argv + 2);
  if (strcmp (verb, "ask") == 0)
    return answer (ask (word));
  if (strcmp (verb, "eat") == 0)
    return eat (atol (word));
  if (strcmp (verb, "fork") == 0)
    return fork_many (atoi (word));
  if (strcmp (verb, "descriptors") == 0)
    return list_descriptors ();
  if (strcmp (verb, "burn") == 0)
    return burn (atof (word));
  if (strcmp (verb, "treatment") == 0)
    return show_treatment ();
  if (strcmp (verb, "crash") == 0)
    return *(volatile int *) (long) (argc - 2);
  if (strcmp (verb, "overwrite") == 0)
    return answer (open (word, O_WRONLY | O_TRUNC));
  return 2;
}
