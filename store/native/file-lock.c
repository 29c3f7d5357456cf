/* flock(2) and close_range(2) for Node, which has no calls for them. A lock: the kernel lets go when the process ends, however it ends. */
#define _GNU_SOURCE
#include <errno.h>
#include <linux/close_range.h>
#include <node_api.h>
#include <string.h>
#include <sys/file.h>
#include <sys/syscall.h>
#include <unistd.h>

/* flock(fd, operation): whether the lock was had; false only with LOCK_NB, when another holds it. Waits otherwise. */
static napi_value
lock_file (napi_env env, napi_callback_info info)
{
  napi_value arguments[2], had;
  size_t count = 2;
  int32_t fd, operation;
  int result;

  if (napi_get_cb_info (env, info, &count, arguments, NULL, NULL) != napi_ok || count < 2
      || napi_get_value_int32 (env, arguments[0], &fd) != napi_ok
      || napi_get_value_int32 (env, arguments[1], &operation) != napi_ok)
    {
      napi_throw_type_error (env, NULL, "flock takes a file descriptor and an operation");
      return NULL;
    }
  do
    result = flock (fd, operation);
  while (result < 0 && errno == EINTR);
  if (result < 0 && errno != EWOULDBLOCK)
    {
      napi_throw_error (env, NULL, strerror (errno));
      return NULL;
    }
  return napi_get_boolean (env, result == 0, &had) == napi_ok ? had : NULL;
}

/* closeOnExec(): of all descriptors above 2. A kernel that cannot (before 5.11) leaves them as they are. */
static napi_value
close_on_exec (napi_env env, napi_callback_info info)
{
  (void) env;
  (void) info;
  syscall (SYS_close_range, 3, ~0u, CLOSE_RANGE_CLOEXEC);
  return NULL;
}

NAPI_MODULE_INIT ()
{
  napi_value function, other;

  if (napi_create_function (env, "flock", NAPI_AUTO_LENGTH, lock_file, NULL, &function) != napi_ok
      || napi_set_named_property (env, exports, "flock", function) != napi_ok
      || napi_create_function (env, "closeOnExec", NAPI_AUTO_LENGTH, close_on_exec, NULL, &other) != napi_ok
      || napi_set_named_property (env, exports, "closeOnExec", other) != napi_ok)
    return NULL;
  return exports;
}
