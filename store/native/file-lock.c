/* flock(2) for Node, which has no call for it. The kernel lets go when the process ends, however it ends. */
#include <errno.h>
#include <node_api.h>
#include <string.h>
#include <sys/file.h>

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

NAPI_MODULE_INIT ()
{
  napi_value function;

  if (napi_create_function (env, "flock", NAPI_AUTO_LENGTH, lock_file, NULL, &function) != napi_ok
      || napi_set_named_property (env, exports, "flock", function) != napi_ok)
    return NULL;
  return exports;
}
