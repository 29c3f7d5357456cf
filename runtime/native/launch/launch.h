/* One launch: what the monitor and the init it makes know of each other. */
#pragma once

#include "operations.h"
#include <stdbool.h>
#include <sys/types.h>

/* Frames on the control socket and on attach.sock: type, u32 little-endian length, payload. See runtime/process/frames.ts. */
enum frame
{
  FRAME_OUTPUT = 1,  /* bytes of stdout, or of the terminal */
  FRAME_ERROR = 2,   /* bytes of stderr */
  FRAME_READY = 3,   /* the text of the file `pid` */
  FRAME_STARTED = 4, /* execve is done */
  FRAME_FAILED = 5,  /* step NUL object NUL errno name NUL */
  FRAME_EXIT = 6,    /* the text of exit.json */
  FRAME_HOOKS = 7,   /* the pid: run what runs outside before the root changes, then send FRAME_HOOKED */
  FRAME_ATTACH = 16, /* from here on send me output */
  FRAME_INPUT = 17,  /* bytes for stdin */
  FRAME_CLOSE = 18,  /* end of stdin */
  FRAME_RESIZE = 19, /* u16 width, u16 height */
  FRAME_START = 20,  /* let a created program go */
  FRAME_HOOKED = 21, /* go on after FRAME_HOOKS */
};

/* Messages between monitor and init, one letter each (a SOCK_SEQPACKET pair). */
#define MAX_IDMAP_BINDS 64

enum message
{
  MESSAGE_MAPPED = 'M',   /* to init: its pid is known, its id maps are written */
  MESSAGE_TREE = 'B',     /* to init: a mount for its next bind-received comes along */
  MESSAGE_START = 'S',    /* to init: execve */
  MESSAGE_PID = 'P',      /* to monitor: the joiner's child is this pid */
  MESSAGE_TERMINAL = 'T', /* to monitor: the pty's master comes along */
  MESSAGE_HOOKS = 'H',    /* to monitor: mounted, not pivoted, so hooks may run outside; to init: they did */
  MESSAGE_READY = 'R',    /* to monitor: all set up */
  MESSAGE_FAILED = 'F',   /* to monitor: step NUL object NUL errno name NUL */
};

#define MAX_MAPPED 256

enum stdio
{
  STDIO_INHERIT,
  STDIO_PIPES,
  STDIO_TERMINAL,
};

typedef struct
{
  int control;   /* the socket of whoever asked for the launch, or -1 */
  int directory; /* the state folder, or -1 */
  int channel;   /* to the other side: init's messages here, the monitor's there; closed by execve */
  int fifo;      /* what init waits on when no monitor stays, or -1 */
  int failure;   /* where init then leaves the reason of a late failure, or -1 */
  enum stdio stdio;
  bool keep_stdin; /* a pipe for attachers; else /dev/null */
  bool once;       /* ends with its control socket; nothing is recorded */
  bool leave;      /* no monitor stays: the caller is the parent that waits */
  bool start_now;
  bool keep;    /* a keeper is the monitor's parent */
  bool attach; /* the control socket gets output from the first byte on */
  int theirs[3]; /* init's standard streams */
  int ours[3];   /* the monitor's ends of them, -1 when none; a terminal's master is ours[0] and ours[1] alike */
  char **exit_command; /* NULL-terminated, or NULL */
  char **exit_environment;
  char *uid_map, *gid_map;
  char *oom_score; /* of a process in a user namespace, which may not set it itself */
  bool deny_setgroups;
  int console;  /* who takes the terminal's master instead of the monitor, or -1 */
  int mapped[MAX_MAPPED]; /* trees with ids of their own, mounted by init */
  size_t mapped_count;
  char *disk;    /* file with the file system of the upper folder, or NULL */
  int disk_tree; /* that file system, mounted by init, or -1 */
  char **idmap; /* fields of idmap-overlay, or NULL */
  char **idmap_binds[MAX_IDMAP_BINDS]; /* fields of each idmap-bind, in the order of init's bind-received */
  size_t idmap_bind_count;
  int root;     /* init: the root that the monitor made, or -1 */
  uint64_t clone_flags;
  bool joiner;      /* the process made first only enters namespaces; its child, whose pid it sends, is the one that stays */
  bool is_complete; /* all that comes before the process is known */
  pid_t pid;
  unsigned long long start_time;
  pid_t keeper;
  bool exited; /* it was reaped */
  unsigned kept; /* descriptors after the control socket that are the program's */
} Launch;

/* frame.c: a frame to one socket, whole or not at all within two seconds. */
bool send_frame (int fd, enum frame type, const void *data, uint32_t size);

/* channel.c: step NUL object NUL reason NUL, cut to `size` bytes; returns how many they are. */
size_t failure_text (char *text, size_t size, const char *step, const char *object, const char *reason);

/* option.c: the operations up to `clone`. */
void options_run (Launch *launch, Operations *list);

/* seal.c: goes on as a copy of this program that nobody can write to; returns in that copy only. */
void seal_self (int argc, char **argv);

/* init.c: the rest of the list, done in the new process; never returns. */
void init_run (Launch *launch, Operations *list) __attribute__ ((noreturn));
/* Waits for that letter from the monitor; exits when the monitor is gone. */
void init_expect (Launch *launch, enum message letter);

/* monitor.c: opens attach.sock in the state folder, if there is one. */
void monitor_listen (const Launch *launch);
/* Serves streams and waits until the program has ended; returns the helper's exit status. */
int monitor_run (Launch *launch);
/* Becomes the exit command, if there is one. */
void exit_command_run (const Launch *launch);

/* record.c */
void record_write (int directory, const char *name, const char *text);
void record_pids (Launch *launch, char *text, size_t size);
/* `killer` is the signal that killed the monitor, whose container ended with it; 0 when it did not. */
void record_exit (char *text, size_t size, int wait_status, bool oom_killed, int killer);
void record_time (char *text, size_t size);

/* cgroup.c; what has fields is an operation */
void cgroup_make (char **fields);
void cgroup_set (char **fields);
void cgroup_either (char **fields);
void cgroup_join (char **fields);
void cgroup_filter_devices (char **fields);
void cgroup_watch_oom (char **fields);
int cgroup_birth (void);
void cgroup_enter (char **fields);
void cgroup_let_go (void);
bool cgroup_oom_killed (void);
void cgroup_kill (void);
void cgroup_remove (void);

/* log.c: lines of a stream to the log file. Of `limit` bytes at most, `count` files of them are kept; limit 0 is none. */
bool log_open (const char *path, bool cri, unsigned long long limit, unsigned long long count);
void log_feed (int stream, const char *data, size_t size);
void log_end (void);

/* terminal.c */
int terminal_open (Launch *launch, unsigned width, unsigned height);

/* channel.c: one message, with a descriptor when `fd` is one; a received one is put in `*fd`. 0 is the other side's end. */
bool channel_send (int channel, const void *data, size_t size, int fd);
ssize_t channel_receive (int channel, void *data, size_t size, int flags, int *fd);

/* outside.c: what is at a path, detached, with other ids where they are given. */
int outside_bind (const Launch *launch, char **fields);

/* idmap.c: a detached overlay mount for the user namespace of `pid`. */
int idmap_overlay (pid_t pid, char **fields);
/* A detached clone of a folder, shown by the map of the user namespace of `pid`. */
int idmap_bind (pid_t pid, char **fields);
