/* strata-helper launch [KEPT]: reads operations from descriptor 3, has KEPT more after it for the program, makes the process they describe, and stays as its monitor. */
#define _GNU_SOURCE
#include "common.h"
#include "disk.h"
#include "keeper.h"
#include "launch.h"
#include "processes.h"
#include "verbs.h"
#include <errno.h>
#include <fcntl.h>
#include <linux/sched.h>
#include <malloc.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <sys/wait.h>
#include <unistd.h>

#define CONTROL 3

static Launch launch = { .control = CONTROL, .directory = -1, .channel = -1, .fifo = -1, .failure = -1,
                         .root = -1, .disk_tree = -1, .console = -1, .theirs = { 0, 1, 2 }, .ours = { -1, -1, -1 } };

static void
report (const char *step, const char *object, const char *reason)
{
  char text[4096];
  size_t size = failure_text (text, sizeof text, step, object, reason);

  if (launch.pid > 0)
    kill (launch.pid, SIGKILL);
  while (launch.pid > 0 && waitpid (-1, NULL, 0) > 0)
    continue;
  cgroup_kill ();
  cgroup_remove ();
  if (launch.control >= 0)
    send_frame (launch.control, FRAME_FAILED, text, size);
}

static void
open_streams (void)
{
  for (int i = launch.keep_stdin ? 0 : 1; i < 3 && launch.stdio == STDIO_PIPES; i++)
    {
      int ends[2];
      if (pipe2 (ends, O_CLOEXEC) < 0)
        die ("stdio", "pipe");
      launch.theirs[i] = ends[i == 0 ? 0 : 1];
      launch.ours[i] = ends[i == 0 ? 1 : 0];
      fcntl (launch.ours[i], F_SETFL, O_NONBLOCK);
    }
  if (launch.stdio == STDIO_PIPES && !launch.keep_stdin)
    launch.theirs[0] = -1;
}

/* The program has them now; a monitor that kept them too would hold the caller's pipes open. */
static void
give_streams_away (void)
{
  AUTO_CLOSE int null = open ("/dev/null", O_RDWR | O_CLOEXEC);

  for (int i = 0; i < 3; i++)
    if (launch.stdio == STDIO_PIPES && launch.theirs[i] >= 0)
      close (launch.theirs[i]);
    else if (launch.stdio == STDIO_INHERIT && null > 2)
      dup2 (null, i);
}

static void
make_child (Operations *list)
{
  struct clone_args arguments = { .flags = launch.clone_flags, .exit_signal = SIGCHLD };
  int ends[2], birth = cgroup_birth ();

  if (birth >= 0)
    {
      arguments.flags |= CLONE_INTO_CGROUP;
      arguments.cgroup = birth;
    }
  if (socketpair (AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends) < 0)
    die ("channel", "socketpair");
  if (launch.disk != NULL)
    launch.disk_tree = disk_open (launch.disk);
  pid_t pid = syscall (SYS_clone3, &arguments, sizeof arguments);
  if (pid < 0)
    die ("clone", "namespaces");
  close_fd (&birth);
  if (pid == 0)
    {
      launch.channel = ends[1];
      close (ends[0]);
      init_run (&launch, list);
    }
  close_fd (&launch.disk_tree); /* init's from here on */
  close (ends[1]);
  launch.channel = ends[0];
  launch.pid = pid;
  cgroup_let_go ();
  give_streams_away ();
  close_range (CONTROL + 1, CONTROL + launch.kept, 0);
}

static void
tell (enum message letter, int fd)
{
  if (!channel_send (launch.channel, &(char) { letter }, 1, fd) && errno != EPIPE && errno != ECONNRESET)
    die ("channel", "send"); /* an end that is gone has left its reason to be read */
}

static void
write_proc (const char *name, const char *text)
{
  char path[64];

  snprintf (path, sizeof path, "/proc/%d/%s", launch.pid, name);
  AUTO_CLOSE int fd = open (path, O_WRONLY | O_CLOEXEC);
  if (fd < 0 || write (fd, text, strlen (text)) < 0)
    die ("maps", path);
}

/* Its pid is known, so its maps can be written, and a root made that goes by them. */
static void
write_maps (void)
{
  if (launch.uid_map == NULL)
    return;
  if (launch.oom_score[0] != '\0')
    write_proc ("oom_score_adj", launch.oom_score);
  if (launch.deny_setgroups)
    write_proc ("setgroups", "deny");
  write_proc ("gid_map", launch.gid_map);
  write_proc ("uid_map", launch.uid_map);
}

static void
tell_mapped (void)
{
  AUTO_CLOSE int root = launch.idmap == NULL ? -1 : idmap_overlay (launch.pid, launch.idmap);

  tell (MESSAGE_MAPPED, root);
  for (size_t i = 0; i < launch.idmap_bind_count; i++)
    {
      AUTO_CLOSE int tree = idmap_bind (launch.pid, launch.idmap_binds[i]);
      tell (MESSAGE_TREE, tree);
    }
}

static void
fail_as_told (const char *text, size_t size)
{
  char failure[4096];

  report_with (NULL);
  memcpy (failure, text, size);
  waitpid (launch.pid, NULL, 0);
  cgroup_kill ();
  cgroup_remove ();
  if (launch.control >= 0)
    send_frame (launch.control, FRAME_FAILED, failure, size);
  _exit (125);
}

static void
take_terminal (void)
{
  static const char name[] = "/dev/ptmx";

  launch.ours[1] = launch.ours[0];
  fcntl (launch.ours[0], F_SETFL, launch.console < 0 ? O_NONBLOCK : 0);
  if (launch.console >= 0 && !channel_send (launch.console, name, strlen (name), launch.ours[0]))
    die ("console", "send");
}

/* No monitor stays: but a program that could not be executed is still this caller's to know. */
static int
follow_execve (void)
{
  char message[4096];
  ssize_t size = channel_receive (launch.channel, message, sizeof message, 0, &(int) { -1 });

  if (size > 0)
    fail_as_told (message + 1, size - 1);
  record_time (message, sizeof message);
  record_write (launch.directory, "started", message);
  send_frame (CONTROL, FRAME_STARTED, message, strlen (message));
  return 0;
}

/* Whoever asked for the launch runs hooks meanwhile; its end is a refusal. */
static void
wait_for_hooks (void)
{
  char pid[16], answer[5];

  snprintf (pid, sizeof pid, "%d", launch.pid);
  send_frame (CONTROL, FRAME_HOOKS, pid, strlen (pid));
  if (recv (CONTROL, answer, sizeof answer, MSG_WAITALL) != sizeof answer || answer[0] != FRAME_HOOKED)
    die_of (ECANCELED, "hooks", "runtime");
  tell (MESSAGE_HOOKS, -1);
}

static void
follow_setup (void)
{
  char message[4096];
  ssize_t size;

  if (!launch.joiner)
    {
      write_maps ();
      if (launch.uid_map != NULL)
        tell_mapped ();
    }
  while ((size = channel_receive (launch.channel, message, sizeof message, 0, &launch.ours[0])) > 0)
    switch (message[0])
      {
      case MESSAGE_PID:
        waitpid (launch.pid, NULL, 0);
        memcpy (&launch.pid, message + 1, sizeof launch.pid);
        write_maps ();
        tell_mapped ();
        break;
      case MESSAGE_TERMINAL:
        take_terminal ();
        break;
      case MESSAGE_HOOKS:
        wait_for_hooks ();
        break;
      case MESSAGE_FAILED:
        fail_as_told (message + 1, size - 1);
        break;
      default:
        return;
      }
  die_of (EPIPE, "setup", "init");
}

/* Whoever asked is gone: others take this container for one that never ran, and must be right. */
static void
end_if_alone (void)
{
  struct pollfd asker = { .fd = CONTROL, .events = POLLRDHUP };

  if (poll (&asker, 1, 0) <= 0 || (asker.revents & (POLLRDHUP | POLLHUP | POLLERR)) == 0)
    return;
  kill (launch.pid, SIGKILL);
  waitpid (launch.pid, NULL, 0);
  cgroup_kill ();
  cgroup_remove ();
  _exit (125);
}

static void
become_monitor (void)
{
  const struct timeval patience = { .tv_sec = 2 };

  setsockopt (CONTROL, SOL_SOCKET, SO_SNDTIMEO, &patience, sizeof patience);
  prctl (PR_SET_NAME, "strata-monitor");
  prctl (PR_SET_CHILD_SUBREAPER, 1);
  if (chdir ("/") < 0)
    die ("chdir", "/");
}

int
launch_main (int argc, char **argv)
{
  Operations list;
  char pids[256];

  report_with (report);
  unsigned kept = argc > 1 ? field_number (argv[1]) : 0; /* for the program; what the caller leaked is not for a monitor to hold */
  close_range (CONTROL + 1 + kept, ~0U, 0);
  seal_self (argc, argv);
  close_range (CONTROL, ~0U, CLOSE_RANGE_CLOEXEC);
  operations_read (&list, CONTROL);
  become_monitor ();
  launch.kept = kept;
  options_run (&launch, &list);
  keeper_start (&launch, &list);
  open_streams ();
  if (!launch.leave)
    monitor_listen (&launch);
  make_child (&list);
  follow_setup ();
  launch.start_time = process_start_time (launch.pid);
  end_if_alone ();
  record_pids (&launch, pids, sizeof pids);
  record_write (launch.directory, "pid", pids);
  keeper_known (launch.pid);
  end_if_alone (); /* from here on it is known by its record */
  if (launch.start_now)
    tell (MESSAGE_START, -1);
  operations_free (&list);
  malloc_trim (0);
  prctl (PR_SET_DUMPABLE, 0);
  send_frame (CONTROL, FRAME_READY, pids, strlen (pids));
  if (!launch.leave)
    return monitor_run (&launch);
  return launch.start_now ? follow_execve () : 0;
}
