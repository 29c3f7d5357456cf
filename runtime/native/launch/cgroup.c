/* The cgroups of one container: made, written, joined and removed as told; the mapping from limits to files is TypeScript's. */
#define _GNU_SOURCE
#include "common.h"
#include "launch.h"
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/bpf.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#define MAX_CGROUPS 64
#define REMOVE_TRIES 100

static struct
{
  char *made[MAX_CGROUPS]; /* parents before children; removed backwards */
  size_t made_count;
  int joins[MAX_CGROUPS];           /* tasks, opened for the child */
  char *join_paths[MAX_CGROUPS];
  size_t join_count;
  char *oom_path;
  int birth; /* the group that the process is born in, or -1 */
} groups = { .birth = -1 };

static bool
write_file (const char *path, const char *value)
{
  AUTO_CLOSE int fd = open (path, O_WRONLY | O_CLOEXEC);

  return fd >= 0 && write (fd, value, strlen (value)) >= 0;
}

/* A new v1 cpuset is empty and takes no process: give it what its parent has. */
static void
inherit_cpuset (const char *path)
{
  static const char *const files[][2] = { { "cpuset.cpus", "../cpuset.cpus" }, { "cpuset.mems", "../cpuset.mems" } };
  AUTO_CLOSE int folder = open (path, O_PATH | O_DIRECTORY | O_CLOEXEC);

  for (size_t i = 0; i < 2; i++)
    {
      char text[4096];
      AUTO_CLOSE int own = openat (folder, files[i][0], O_RDWR | O_CLOEXEC);
      AUTO_CLOSE int parent = openat (folder, files[i][1], O_RDONLY | O_CLOEXEC);
      if (own < 0 || parent < 0 || read (own, text, sizeof text) > 1)
        continue;
      ssize_t size = read (parent, text, sizeof text);
      if (size < 0 || pwrite (own, text, size, 0) < 0)
        die ("cgroup", path);
    }
}

/* Another container's end may remove a parent that we have just found: then start again from the top. */
static void
make_folders (const char *base, const char *path, char *whole)
{
  for (int tries = 0; tries < REMOVE_TRIES; tries++)
    {
      size_t length = snprintf (whole, PATH_MAX, "%s/", base);
      const char *rest = path;
      bool made = true;
      while (made && *rest != '\0' && length < PATH_MAX)
        {
          size_t part = strcspn (rest, "/");
          part += rest[part] == '/';
          length += snprintf (whole + length, PATH_MAX - length, "%.*s", (int) part, rest);
          rest += part;
          made = mkdir (whole, 0755) == 0 || errno == EEXIST;
        }
      if (made && length < PATH_MAX)
        return;
      if (errno != ENOENT)
        break;
    }
  die ("cgroup", whole);
}

/* cgroup-make BASE PATH CPUSET: every missing folder of PATH below BASE; they are removed at the end, those in use by others stay. */
void
cgroup_make (char **fields)
{
  const char *base = fields[1], *path = fields[2];
  bool cpuset = field_number (fields[3]) == 1;
  char whole[PATH_MAX];
  size_t start = strlen (base) + 1;

  make_folders (base, path, whole);
  for (char *end = whole + start; *end != '\0'; end++)
    {
      end = strchrnul (end, '/');
      char mark = *end;
      *end = '\0';
      if (cpuset)
        inherit_cpuset (whole);
      if (groups.made_count == MAX_CGROUPS)
        die_of (ENOSPC, "cgroup", whole);
      char *copy = strdup (whole);
      if (copy == NULL)
        die ("cgroup", whole);
      groups.made[groups.made_count++] = copy;
      *end = mark;
      if (mark == '\0')
        break;
    }
}

/* cgroup-set PATH VALUE OPTIONAL */
void
cgroup_set (char **fields)
{
  bool optional = field_number (fields[3]) == 1; /* first, for reading a number forgets why the write failed */

  if (!write_file (fields[1], fields[2]) && !optional)
    die ("cgroup", fields[1]);
}

/* cgroup-either PATH VALUE OTHER-PATH OTHER-VALUE: the other one only where this kernel has no such file as the first. */
void
cgroup_either (char **fields)
{
  char **chosen = access (fields[1], F_OK) < 0 ? fields + 2 : fields;

  if (!write_file (chosen[1], chosen[2]))
    die ("cgroup", chosen[1]);
}

/* cgroup-join PATH BORN: with BORN 1 (v2) the process is born there, else (v1) it moves itself. */
void
cgroup_join (char **fields)
{
  const char *path = fields[1];
  bool born = field_number (fields[2]) == 1;
  char procs[PATH_MAX];

  snprintf (procs, sizeof procs, "%s%s", path, born ? "" : "/tasks");
  int fd = groups.join_count == MAX_CGROUPS ? -1 : open (procs, (born ? O_RDONLY | O_DIRECTORY : O_WRONLY) | O_CLOEXEC);
  if (fd < 0)
    die ("cgroup", procs);
  groups.join_paths[groups.join_count] = strdup (path);
  groups.joins[groups.join_count++] = born ? -1 : fd;
  if (born)
    groups.birth = fd;
}

int
cgroup_birth (void)
{
  return groups.birth;
}

/* The new process, while it has one thread: whoever moves just itself need not wait until no process of this machine forks or ends,
   which takes the kernel an RCU grace period (some 10 ms). */
void
cgroup_enter (char **fields)
{
  (void) fields;
  for (size_t i = 0; i < groups.join_count; i++)
    if (groups.joins[i] >= 0 && write (groups.joins[i], "0", 1) < 0)
      die ("cgroup", groups.join_paths[i]);
  cgroup_let_go ();
}

void
cgroup_let_go (void)
{
  for (size_t i = 0; i < groups.join_count; i++)
    close_fd (&groups.joins[i]);
}

/* cgroup-devices PATH PROGRAM: v2 has no files for device rules; a program answers for each use of a device. */
void
cgroup_filter_devices (char **fields)
{
  const char *path = fields[1], *program = fields[2];
  AUTO_CLOSE int folder = open (path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  union bpf_attr load = {
    .prog_type = BPF_PROG_TYPE_CGROUP_DEVICE,
    .insns = (uintptr_t) program,
    .insn_cnt = field_length (program) / sizeof (struct bpf_insn),
    .license = (uintptr_t) "Apache-2.0",
  };

  if (folder < 0)
    die ("cgroup", path);
  AUTO_CLOSE int filter = syscall (SYS_bpf, BPF_PROG_LOAD, &load, sizeof load);
  union bpf_attr attach = { .target_fd = folder, .attach_bpf_fd = filter, .attach_type = BPF_CGROUP_DEVICE, .attach_flags = BPF_F_ALLOW_MULTI };
  if (filter < 0 || syscall (SYS_bpf, BPF_PROG_ATTACH, &attach, sizeof attach) < 0)
    die ("cgroup: devices", path);
}

/* cgroup-oom PATH: memory.oom_control (v1) or memory.events (v2): the line "oom_kill N" is the same in both. */
void
cgroup_watch_oom (char **fields)
{
  free (groups.oom_path);
  groups.oom_path = strdup (fields[1]);
}

bool
cgroup_oom_killed (void)
{
  char text[1024];
  AUTO_CLOSE int fd = groups.oom_path == NULL ? -1 : open (groups.oom_path, O_RDONLY | O_CLOEXEC);
  ssize_t size = fd < 0 ? -1 : read (fd, text, sizeof text - 1);

  text[size > 0 ? size : 0] = '\0';
  const char *line = strstr (text, "oom_kill ");
  return line != NULL && strtoull (line + strlen ("oom_kill "), NULL, 10) > 0;
}

static bool
signal_members (const char *path, int signal)
{
  char procs[PATH_MAX];
  bool any = false;
  int pid;

  snprintf (procs, sizeof procs, "%s/cgroup.procs", path);
  FILE *file = fopen (procs, "re");
  while (file != NULL && fscanf (file, "%d", &pid) == 1)
    any = kill (pid, signal) == 0 || any;
  if (file != NULL)
    fclose (file);
  return any;
}

/* Freezes so that nothing forks away, signals, and always thaws: a frozen v1 task does not die. */
void
cgroup_kill (void)
{
  char file[PATH_MAX];

  if (groups.join_count == 0 || groups.made_count == 0)
    return; /* a guest in the groups of another */
  for (size_t i = 0; i < groups.join_count; i++)
    {
      snprintf (file, sizeof file, "%s/cgroup.kill", groups.join_paths[i]);
      if (write_file (file, "1"))
        return;
    }
  if (!signal_members (groups.join_paths[0], 0))
    return;
  for (size_t i = 0; i < groups.join_count; i++)
    {
      snprintf (file, sizeof file, "%s/freezer.state", groups.join_paths[i]);
      write_file (file, "FROZEN");
    }
  signal_members (groups.join_paths[0], SIGKILL);
  for (size_t i = 0; i < groups.join_count; i++)
    {
      snprintf (file, sizeof file, "%s/freezer.state", groups.join_paths[i]);
      write_file (file, "THAWED");
    }
}

/* Backwards, children before parents. A dying member keeps its group busy for a moment; a parent that others use stays. */
void
cgroup_remove (void)
{
  const struct timespec moment = { .tv_nsec = 2000000 };

  while (groups.made_count > 0)
    {
      char *path = groups.made[--groups.made_count];
      bool leaf = false;
      for (size_t i = 0; i < groups.join_count; i++)
        leaf = leaf || strcmp (groups.join_paths[i], path) == 0;
      for (int i = 0; rmdir (path) < 0 && errno == EBUSY && leaf && i < REMOVE_TRIES; i++)
        nanosleep (&moment, NULL);
      free (path);
    }
}
