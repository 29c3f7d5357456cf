/* close_range(2). */
#include "addon.h"
#include <linux/close_range.h>
#include <sys/syscall.h>
#include <unistd.h>

/* closeOnExec(): of all descriptors above 2. A kernel that cannot (before 5.11) leaves them as they are. */
static napi_value
close_on_exec (napi_env env, napi_callback_info info)
{
  (void) env;
  (void) info;
  syscall (SYS_close_range, 3, ~0u, CLOSE_RANGE_CLOEXEC);
  return NULL;
}

const struct part descriptor_parts[] = { { "closeOnExec", close_on_exec }, { 0 } };
