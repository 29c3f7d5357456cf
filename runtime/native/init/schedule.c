/* How the kernel treats the program: its scheduling, its place in the queues of disks, its processors and memory nodes, its personality. */
#define _GNU_SOURCE
#include "schedule.h"
#include "common.h"
#include "operations.h"
#include <errno.h>
#include <sched.h>
#include <stdint.h>
#include <string.h>
#include <sys/personality.h>
#include <sys/syscall.h>
#include <unistd.h>

#define WHO_PROCESS 1
#define CLASS_SHIFT 13
#define MAX_NODES 1024
#define WORD_BITS (8 * sizeof (unsigned long))

/* The kernel's sched_attr, whose header glibc's own does not suffer beside it. */
struct scheduling
{
  uint32_t size, policy;
  uint64_t flags;
  int32_t nice;
  uint32_t priority;
  uint64_t runtime, deadline, period;
};

static bool has_affinity;
static cpu_set_t affinity;

/* scheduler POLICY NICE PRIORITY FLAGS RUNTIME DEADLINE PERIOD */
void
schedule_policy (char **fields)
{
  struct scheduling attributes = {
    .size = sizeof attributes,
    .policy = field_number (fields[1]),
    .nice = field_number (fields[2]),
    .priority = field_number (fields[3]),
    .flags = field_number (fields[4]),
    .runtime = field_number (fields[5]),
    .deadline = field_number (fields[6]),
    .period = field_number (fields[7]),
  };

  if (syscall (SYS_sched_setattr, 0, &attributes, 0) < 0)
    die ("scheduler", "set");
}

/* io-priority CLASS PRIORITY */
void
schedule_io (char **fields)
{
  if (syscall (SYS_ioprio_set, WHO_PROCESS, 0, (int) (field_number (fields[1]) << CLASS_SHIFT | field_number (fields[2]))) < 0)
    die ("io-priority", "set");
}

/* affinity CPU…: at once, and again when it prepares. */
void
schedule_affinity (char **fields)
{
  CPU_ZERO (&affinity);
  for (char **cpu = fields + 1; *cpu != NULL; cpu++)
    CPU_SET (field_number (*cpu), &affinity);
  has_affinity = true;
  if (sched_setaffinity (0, sizeof affinity, &affinity) < 0)
    die ("affinity", "set");
}

void
schedule_unpin (void)
{
  if (!has_affinity)
    memset (&affinity, 0xff, sizeof affinity);
  sched_setaffinity (0, sizeof affinity, &affinity);
}

/* memory-policy MODE NODE… */
void
schedule_memory (char **fields)
{
  unsigned long nodes[MAX_NODES / WORD_BITS] = { 0 };

  for (char **field = fields + 2; *field != NULL; field++)
    {
      size_t node = field_number (*field);
      if (node >= MAX_NODES)
        die_of (EINVAL, "memory-policy", *field);
      nodes[node / WORD_BITS] |= 1UL << node % WORD_BITS;
    }
  if (syscall (SYS_set_mempolicy, field_number (fields[1]), nodes, (unsigned long) MAX_NODES) < 0)
    die ("memory-policy", "set");
}

/* personality DOMAIN */
void
schedule_personality (char **fields)
{
  if (personality (field_number (fields[1])) < 0)
    die ("personality", fields[1]);
}
