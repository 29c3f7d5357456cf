/* The new process on its way to become the program: the operations after `clone`, in their order. */
#define _GNU_SOURCE
#include "common.h"
#include "disk.h"
#include "hook.h"
#include "identity.h"
#include "launch.h"
#include "mounts.h"
#include "processes.h"
#include "program.h"
#include "schedule.h"
#include <errno.h>
#include <fcntl.h>
#include <linux/magic.h>
#include <linux/sched.h>
#include <net/if.h>
#include <sched.h>
#include <signal.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/vfs.h>
#include <unistd.h>

static Launch *self;
/* From here on a launch without a monitor has nobody at the channel's other end. */
static bool is_ready;

static void
report (const char *step, const char *object, const char *reason)
{
  char message[4096] = { MESSAGE_FAILED };
  ssize_t size = 1 + failure_text (message + 1, sizeof message - 1, step, object, reason);

  if (is_ready && self->failure >= 0 && write (self->failure, message + 1, size - 1) == size - 1)
    return;
  if (send (self->channel, message, size, MSG_NOSIGNAL) < 0)
    _exit (125);
}

static void
tell (const void *message, size_t size)
{
  if (send (self->channel, message, size, MSG_NOSIGNAL) < 0)
    _exit (125); /* nobody is left to run for */
}

void
init_expect (Launch *launch, enum message letter)
{
  char got;
  ssize_t size = channel_receive (launch->channel, &got, 1, 0, &launch->root);

  if (size != 1 || got != (char) letter)
    _exit (125);
}

static void
do_wait (char **fields)
{
  if (fields[1][0] != MESSAGE_START || self->fifo < 0)
    init_expect (self, fields[1][0]);
  else if (TEMP_FAILURE_RETRY (read (self->fifo, &(char) { 0 }, 1)) != 1)
    die ("wait", "start");
}

/* setns PATH TYPE; join PID:START FLAGS: the namespaces of a process that is still the one that started at START. */
static void
do_enter (char **fields)
{
  AUTO_CLOSE int fd = fields[0][0] == 'j' ? process_open (fields[1]) : open (fields[1], O_RDONLY | O_CLOEXEC);

  if (fd < 0 || setns (fd, field_number (fields[2])) < 0)
    die (fields[0], fields[1]);
}

/* fork FLAGS: pid and user namespaces are entered by a child only; it is the monitor's child too.
   It goes on when the monitor knows it. */
static void
do_fork (char **fields)
{
  struct clone_args arguments = { .flags = (uint64_t) field_number (fields[1]) | CLONE_PARENT };
  char message[1 + sizeof (pid_t)] = { MESSAGE_PID };

  pid_t pid = syscall (SYS_clone3, &arguments, sizeof arguments);
  if (pid < 0)
    die ("fork", "namespaces");
  if (pid == 0)
    {
      init_expect (self, MESSAGE_MAPPED);
      return;
    }
  memcpy (message + 1, &pid, sizeof pid);
  tell (message, sizeof message);
  _exit (0);
}

static void
do_unshare (char **fields)
{
  if (unshare (field_number (fields[1])) < 0)
    die ("unshare", fields[1]);
}

static void
do_become_root (char **fields)
{
  (void) fields;
  if (setresgid (0, 0, 0) < 0 || setresuid (0, 0, 0) < 0)
    die ("user", "namespace root");
}

/* undumpable and no-new-privileges */
static void
do_restrain (char **fields)
{
  if ((fields[0][0] == 'u' ? prctl (PR_SET_DUMPABLE, 0) : prctl (PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0)) < 0)
    die (fields[0], "set");
}

static void
do_loopback (char **fields)
{
  struct ifreq request = { .ifr_name = "lo", .ifr_flags = IFF_UP | IFF_RUNNING };
  AUTO_CLOSE int fd = socket (AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);

  if (fd < 0 || ioctl (fd, SIOCSIFFLAGS, &request) < 0)
    die ("network", fields[0]);
}

/* proc PATH VALUE, and label PATH VALUE WHAT for a security module: a file that must be the kernel's, not an imitation. */
static void
do_proc (char **fields)
{
  bool label = fields[0][0] == 'l';
  const char *step = label ? fields[0] : "write", *object = fields[label ? 3 : 1];
  struct statfs filesystem;
  AUTO_CLOSE int fd = open (fields[1], O_WRONLY | O_CLOEXEC | O_NOFOLLOW);

  if (fd < 0 || fstatfs (fd, &filesystem) < 0)
    die (step, object);
  if (filesystem.f_type != PROC_SUPER_MAGIC)
    die_of (ENOTSUP, step, object);
  if (write (fd, fields[2], strlen (fields[2])) < 0)
    die (step, object);
}

/* disk-attach TARGET: what the monitor has opened. */
static void
do_disk_attach (char **fields)
{
  disk_attach (self->disk_tree, fields[1]);
}

static void
do_root_received (char **fields)
{
  root_received (fields, self->root);
}

/* bind-mapped, its SOURCE a number: the monitor's trees are counted from 0. */
static void
do_bind_mapped (char **fields)
{
  size_t index = field_number (fields[2]);

  if (index >= self->mapped_count)
    die_of (EBADF, "bind: source", fields[1]);
  mount_tree (fields, self->mapped[index]);
}

static void
do_bind_received (char **fields)
{
  init_expect (self, MESSAGE_TREE);
  AUTO_CLOSE int tree = self->root;
  mount_tree (fields, tree);
}

/* hostname NAME and domainname NAME */
static void
do_name (char **fields)
{
  int (*set) (const char *, size_t) = fields[0][0] == 'h' ? sethostname : setdomainname;

  if (set (fields[1], strlen (fields[1])) < 0)
    die (fields[0], fields[1]);
}

/* terminal WIDTH HEIGHT CONSOLE: with CONSOLE 1 it is mounted on /dev/console. */
static void
do_terminal (char **fields)
{
  int slave = terminal_open (self, field_number (fields[1]), field_number (fields[2]));

  if (field_number (fields[3]) == 1)
    mount_console (slave);
  for (int i = 0; i < 3; i++)
    self->theirs[i] = slave;
}

static void
do_streams (char **fields)
{
  program_streams (self, field_number (fields[1]));
}

static void
do_ready (char **fields)
{
  (void) fields;
  tell (&(char) { MESSAGE_READY }, 1);
  is_ready = true;
}

/* hooks: the caller's turn, outside, before the root is changed. */
static void
do_hooks (char **fields)
{
  (void) fields;
  tell (&(char) { MESSAGE_HOOKS }, 1);
  init_expect (self, MESSAGE_HOOKS);
}

/* Ends with its monitor; asked after the credentials changed, for their change forgets it. */
static void
do_follow (char **fields)
{
  (void) fields;
  prctl (PR_SET_PDEATHSIG, SIGKILL);
  ssize_t size = recv (self->channel, &(char) { 0 }, 1, MSG_PEEK | MSG_DONTWAIT);
  if (size == 0 || (size < 0 && errno == ECONNRESET)) /* and not where a filter refuses to tell */
    _exit (125);
}

static void
do_prepare (char **fields)
{
  program_prepare (self, fields);
}

static const OperationKind kinds[] = {
  { "wait", 1, do_wait },
  { "groups", 0, cgroup_enter },
  { "setns", 2, do_enter },
  { "join", 2, do_enter },
  { "fork", 1, do_fork },
  { "unshare", 1, do_unshare },
  { "become-root", 0, do_become_root },
  { "undumpable", 0, do_restrain },
  { "keyring", 1, identity_keyring },
  { "loopback", 0, do_loopback },
  { "proc", 2, do_proc },
  { "label", 3, do_proc },
  { "hostname", 1, do_name },
  { "domainname", 1, do_name },
  { "rlimit", 3, identity_rlimit },
  { "hooks", 0, do_hooks },
  { "hook", 6, hook_run },
  { "scheduler", 7, schedule_policy },
  { "io-priority", 2, schedule_io },
  { "affinity", 0, schedule_affinity },
  { "memory-policy", 1, schedule_memory },
  { "personality", 1, schedule_personality },
  { "disk-attach", 1, do_disk_attach },
  { "root-folder", 2, root_folder },
  { "root-overlay", 2, root_overlay },
  { "root-received", 2, do_root_received },
  { "mount", 6, mount_new },
  { "early", 3, mount_early },
  { "late", 1, mount_late },
  { "bind", 9, mount_bind },
  { "bind-received", 9, do_bind_received },
  { "bind-mapped", 9, do_bind_mapped },
  { "propagation", 1, root_propagation },
  { "device", 6, mount_device },
  { "link", 2, mount_link },
  { "pivot", 0, root_pivot },
  { "remount", 3, mount_remount },
  { "mask", 1, mount_mask },
  { "readonly", 1, mount_readonly },
  { "terminal", 3, do_terminal },
  { "streams", 1, do_streams },
  { "make-folder", 1, program_make_folder },
  { "folder", 1, program_folder },
  { "find", 2, program_find },
  { "ready", 0, do_ready },
  { "no-new-privileges", 0, do_restrain },
  { "seccomp", 2, identity_seccomp },
  { "bounding", 1, identity_bounding },
  { "user", 3, identity_user },
  { "capabilities", 4, identity_capabilities },
  { "follow", 0, do_follow },
  { "preserve", 1, program_preserve },
  { "prepare", 1, do_prepare },
  { "execute", 1, program_execute },
};

void
init_run (Launch *launch, Operations *list)
{
  char **fields = NULL;
  size_t count;

  self = launch;
  report_with (report);
  umask (0);
  while ((count = operations_next (list, &fields)) > 0)
    operation_run (kinds, sizeof kinds / sizeof *kinds, fields, count);
  die_of (EBADMSG, "operation", "no execute");
}
