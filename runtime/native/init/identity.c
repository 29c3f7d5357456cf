/* Who the program is and what it may. */
#define _GNU_SOURCE
#include "identity.h"
#include "common.h"
#include "operations.h"
#include <errno.h>
#include <grp.h>
#include <linux/capability.h>
#include <linux/filter.h>
#include <linux/keyctl.h>
#include <linux/seccomp.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

#define MAX_GROUPS 1024

/* keyring NAME: a session keyring of its own; a kernel without keys has nothing to leak. */
void
identity_keyring (char **fields)
{
  if (syscall (SYS_keyctl, KEYCTL_JOIN_SESSION_KEYRING, fields[1], 0, 0, 0) < 0 && errno != ENOSYS && errno != EDQUOT)
    die ("keyring", fields[1]);
}

/* rlimit NUMBER SOFT HARD */
void
identity_rlimit (char **fields)
{
  struct rlimit wanted = { strtoull (fields[2], NULL, 10), strtoull (fields[3], NULL, 10) };

  if (setrlimit (field_number (fields[1]), &wanted) < 0)
    die ("rlimit", fields[1]);
}

/* bounding KEEP: drops every capability that is not in the mask, up to the last that this kernel knows. */
void
identity_bounding (char **fields)
{
  uint64_t keep = field_number (fields[1]);

  for (int capability = 0; prctl (PR_CAPBSET_READ, capability) >= 0; capability++)
    if ((keep >> capability & 1) == 0 && prctl (PR_CAPBSET_READ, capability) == 1 && prctl (PR_CAPBSET_DROP, capability) < 0)
      die ("capability", "bounding");
}

/* user UID GID SETGROUPS GROUP…: SETGROUPS is 0 where the namespace denies it. Capabilities stay for the next step. */
void
identity_user (char **fields)
{
  gid_t groups[MAX_GROUPS];
  size_t size = 0;
  uid_t uid = field_number (fields[1]);
  gid_t gid = field_number (fields[2]);

  for (; fields[4 + size] != NULL && size < MAX_GROUPS; size++)
    groups[size] = field_number (fields[4 + size]);
  if (prctl (PR_SET_KEEPCAPS, 1) < 0)
    die ("user", "keepcaps");
  if (field_number (fields[3]) == 1 && setgroups (size, groups) < 0)
    die ("user", "groups");
  if (setresgid (gid, gid, gid) < 0)
    die ("user", fields[2]);
  if (setresuid (uid, uid, uid) < 0)
    die ("user", fields[1]);
  prctl (PR_SET_KEEPCAPS, 0);
}

/* capabilities EFFECTIVE PERMITTED INHERITABLE AMBIENT, as masks; what we do not have ourselves cannot be given. */
void
identity_capabilities (char **fields)
{
  struct __user_cap_header_struct header = { .version = _LINUX_CAPABILITY_VERSION_3 };
  struct __user_cap_data_struct have[2], data[2];
  uint64_t ambient = field_number (fields[4]);

  if (syscall (SYS_capget, &header, have) < 0)
    die ("capabilities", "get");
  for (int i = 0; i < 2; i++)
    {
      data[i].effective = (uint64_t) field_number (fields[1]) >> 32 * i & have[i].permitted;
      data[i].permitted = (uint64_t) field_number (fields[2]) >> 32 * i & have[i].permitted;
      data[i].inheritable = (uint64_t) field_number (fields[3]) >> 32 * i & have[i].permitted;
    }
  prctl (PR_CAP_AMBIENT, PR_CAP_AMBIENT_CLEAR_ALL, 0, 0, 0);
  if (syscall (SYS_capset, &header, data) < 0)
    die ("capabilities", "set");
  for (int capability = 0; ambient >> capability != 0; capability++)
    if ((ambient >> capability & 1) == 1 && prctl (PR_CAP_AMBIENT, PR_CAP_AMBIENT_RAISE, capability, 0, 0) < 0)
      die ("capabilities", "ambient");
}

/* seccomp PROGRAM FLAGS: the program's bytes as the kernel takes them. */
void
identity_seccomp (char **fields)
{
  struct sock_fprog filter = { .len = field_length (fields[1]) / sizeof (struct sock_filter), .filter = (void *) fields[1] };

  if (syscall (SYS_seccomp, SECCOMP_SET_MODE_FILTER, field_number (fields[2]), &filter) != 0)
    die ("seccomp", "filter");
}
