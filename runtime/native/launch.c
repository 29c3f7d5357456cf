/* strata-helper launch: reads operations from descriptor 3, makes the process they describe, and stays as its monitor. */
#define _GNU_SOURCE
#include "launch.h"
#include "helper.h"
#include "processes.h"
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
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/sendfile.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#define CONTROL 3
#define SEALED "sealed"

static Launch launch = { .control = CONTROL, .directory = -1, .channel = -1, .fifo = -1, .failure = -1, .root = -1, .console = -1, .theirs = { 0, 1, 2 }, .ours = { -1, -1, -1 } };

bool
send_frame (int fd, enum frame type, const void *data, uint32_t size)
{
  unsigned char header[5] = { type };
  struct iovec parts[2] = { { header, sizeof header }, { (void *) data, size } };
  struct msghdr message = { .msg_iov = parts, .msg_iovlen = 2 };

  memcpy (header + 1, &size, sizeof size);
  return TEMP_FAILURE_RETRY (sendmsg (fd, &message, MSG_NOSIGNAL)) == (ssize_t) (sizeof header + size);
}

static void
report (const char *step, const char *object, const char *reason)
{
  char text[4096];
  int size = snprintf (text, sizeof text, "%s%c%s%c%s", step, 0, object, 0, reason) + 1;

  if (launch.pid > 0)
    kill (launch.pid, SIGKILL);
  while (launch.pid > 0 && waitpid (-1, NULL, 0) > 0)
    continue;
  cgroup_kill ();
  cgroup_remove ();
  if (launch.control >= 0)
    send_frame (launch.control, FRAME_FAILED, text, size < (int) sizeof text ? size : (int) sizeof text);
}

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
static void
seal (int argc, char **argv)
{
  char *arguments[] = { argv[0], SEALED, NULL };
  char name[] = "strata-helper";
  char *whole[] = { name, argv[0], arguments[1], NULL };

  if (argc == 2 && strcmp (argv[1], SEALED) == 0)
    return;
  AUTO_CLOSE int fd = open_sealed ();
  syscall (SYS_execveat, fd, "", whole, environ, AT_EMPTY_PATH);
  die ("seal", "execveat");
}

static int
open_folder (const char *path)
{
  int fd = open (path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

  if (fd < 0)
    die ("open", path);
  return fd;
}

/* Start is a byte in a FIFO when no monitor stays to ask; the reason of a failure after it stands in a file. */
static void
open_fifo (void)
{
  if (mkfifoat (launch.directory, "start", 0600) < 0)
    die ("fifo", "start");
  launch.fifo = openat (launch.directory, "start", O_RDWR | O_CLOEXEC | O_NOFOLLOW);
  launch.failure = openat (launch.directory, "failure", O_WRONLY | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
  if (launch.fifo < 0 || launch.failure < 0)
    die ("fifo", "start");
}

/* Whoever listens there takes the terminal's master, as OCI callers do. */
static int
connect_console (const char *path)
{
  struct sockaddr_un address = { .sun_family = AF_UNIX };
  int fd = socket (AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

  if (strlen (path) >= sizeof address.sun_path)
    errno = ENAMETOOLONG;
  else
    strcpy (address.sun_path, path);
  if (fd < 0 || address.sun_path[0] == '\0' || connect (fd, (struct sockaddr *) &address, sizeof address) < 0)
    die ("console", path);
  return fd;
}

static char **
copy_strings (char **strings)
{
  size_t count = 0;

  while (strings[count] != NULL)
    count++;
  char **copy = calloc (count + 1, sizeof *copy);
  for (size_t i = 0; copy != NULL && i < count; i++)
    copy[i] = strdup (strings[i]);
  return copy;
}

static void
do_cgroup (char **fields)
{
  const char *what = fields[0] + strlen ("cgroup-");

  if (strcmp (what, "make") == 0)
    cgroup_make (fields[1], fields[2], field_number (fields[3]) == 1);
  else if (strcmp (what, "set") == 0)
    cgroup_set (fields[1], fields[2], field_number (fields[3]) == 1);
  else if (strcmp (what, "join") == 0)
    cgroup_join (fields[1]);
  else if (strcmp (what, "devices") == 0)
    cgroup_filter_devices (fields[1], fields[2]);
  else
    cgroup_watch_oom (fields[1]);
}

/* mode once|leave|stay START-NOW ATTACH; stdio inherit|pipes|terminal KEEP-STDIN; maps UIDS GIDS DENY-SETGROUPS */
static void
do_option (char **fields)
{
  const char *name = fields[0];

  if (strcmp (name, "directory") == 0)
    launch.directory = open_folder (fields[1]);
  else if (strcmp (name, "mode") == 0)
    {
      launch.once = strcmp (fields[1], "once") == 0;
      launch.leave = strcmp (fields[1], "leave") == 0;
      launch.start_now = field_number (fields[2]) == 1;
      launch.attach = field_number (fields[3]) == 1;
      if (launch.leave && !launch.start_now)
        open_fifo ();
    }
  else if (strcmp (name, "stdio") == 0)
    {
      launch.stdio = strcmp (fields[1], "inherit") == 0 ? STDIO_INHERIT : strcmp (fields[1], "pipes") == 0 ? STDIO_PIPES : STDIO_TERMINAL;
      launch.keep_stdin = field_number (fields[2]) == 1;
    }
  else if (strcmp (name, "log") == 0)
    {
      if (!log_open (fields[2], strcmp (fields[1], "cri") == 0, field_number (fields[3]), field_number (fields[4])))
        die ("log", fields[2]);
    }
  else if (strcmp (name, "exit-command") == 0)
    launch.exit_command = copy_strings (fields + 1);
  else if (strcmp (name, "console") == 0)
    launch.console = connect_console (fields[1]);
  else if (strcmp (name, "idmap-overlay") == 0)
    launch.idmap = copy_strings (fields);
  else if (strcmp (name, "exit-environment") == 0)
    launch.exit_environment = copy_strings (fields + 1);
  else if (strcmp (name, "maps") == 0)
    {
      launch.uid_map = fields[1];
      launch.gid_map = fields[2];
      launch.deny_setgroups = field_number (fields[3]) == 1;
    }
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
  int ends[2];

  if (socketpair (AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends) < 0)
    die ("channel", "socketpair");
  pid_t pid = syscall (SYS_clone3, &arguments, sizeof arguments);
  if (pid < 0)
    die ("clone", "namespaces");
  if (pid == 0)
    {
      launch.channel = ends[1];
      close (ends[0]);
      init_run (&launch, list);
    }
  close (ends[1]);
  launch.channel = ends[0];
  launch.pid = pid;
  give_streams_away ();
}

static void
tell (enum message letter)
{
  char byte = letter;

  if (!channel_send (launch.channel, &byte, 1, -1) && errno != EPIPE && errno != ECONNRESET)
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
  if (launch.deny_setgroups)
    write_proc ("setgroups", "deny");
  write_proc ("gid_map", launch.gid_map);
  write_proc ("uid_map", launch.uid_map);
}

static void
tell_mapped (void)
{
  AUTO_CLOSE int root = launch.idmap == NULL ? -1 : idmap_overlay (launch.pid, launch.idmap);

  if (!channel_send (launch.channel, &(char) { MESSAGE_MAPPED }, 1, root) && errno != EPIPE && errno != ECONNRESET)
    die ("channel", "send");
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

/* With `joiner` the process made first only enters namespaces; its child, whose pid it sends, is the one that stays. */
static void
follow_setup (bool joiner)
{
  char message[4096];
  ssize_t size;

  if (!joiner)
    {
      write_maps ();
      if (launch.uid_map != NULL)
        tell_mapped ();
    }
  cgroup_attach (launch.pid);
  tell (MESSAGE_GROUPED);
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
      case MESSAGE_FAILED:
        fail_as_told (message + 1, size - 1);
        break;
      default:
        return;
      }
  errno = EPIPE;
  die ("setup", "init");
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
  char **fields = NULL;
  char pids[256];
  bool cloned = false, joiner = false;

  report_with (report);
  close_range (CONTROL + 1, ~0U, 0); /* what the caller leaked is not for a monitor to hold */
  seal (argc, argv);
  close_range (CONTROL, ~0U, CLOSE_RANGE_CLOEXEC);
  operations_read (&list, CONTROL);
  become_monitor ();
  while (!cloned && operations_next (&list, &fields) > 0)
    if (strcmp (fields[0], "clone") == 0)
      {
        launch.clone_flags = field_number (fields[1]);
        joiner = field_number (fields[2]) == 1;
        cloned = true;
      }
    else if (strncmp (fields[0], "cgroup-", strlen ("cgroup-")) == 0)
      do_cgroup (fields);
    else
      do_option (fields);
  open_streams ();
  if (!launch.leave)
    monitor_listen (&launch);
  make_child (&list);
  follow_setup (joiner);
  launch.start_time = process_start_time (launch.pid);
  end_if_alone ();
  record_pids (&launch, pids, sizeof pids);
  record_write (launch.directory, "pid", pids);
  end_if_alone (); /* from here on it is known by its record */
  if (launch.start_now)
    tell (MESSAGE_START);
  operations_free (&list);
  free (fields);
  malloc_trim (0);
  prctl (PR_SET_DUMPABLE, 0);
  send_frame (CONTROL, FRAME_READY, pids, strlen (pids));
  if (!launch.leave)
    return monitor_run (&launch);
  return launch.start_now ? follow_execve () : 0;
}
