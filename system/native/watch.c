/* A descriptor in Node's event loop, which keeps the process alive as long as it is watched. */
#include "addon.h"
#include <stdlib.h>
#include <uv.h>

struct watch
{
  uv_poll_t poll;
  napi_env env;
  napi_ref callback;
  napi_async_context context;
  bool is_closed;  /* by its user */
  bool is_dropped; /* Node has no object for it any more */
  bool is_gone;    /* from the loop */
};

static void
free_watch (struct watch *watch)
{
  if (watch->is_dropped && watch->is_gone)
    free (watch);
}

static void
on_gone (uv_handle_t *handle)
{
  struct watch *watch = handle->data;

  watch->is_gone = true;
  free_watch (watch);
}

static void
close_watch (struct watch *watch)
{
  if (watch->is_closed)
    return;
  watch->is_closed = true;
  napi_delete_reference (watch->env, watch->callback);
  napi_async_destroy (watch->env, watch->context);
  uv_close ((uv_handle_t *) &watch->poll, on_gone);
}

static void
on_drop (napi_env env, void *data, void *hint)
{
  struct watch *watch = data;

  (void) env, (void) hint;
  watch->is_dropped = true;
  close_watch (watch);
  free_watch (watch);
}

/* callback(events): 1 readable, 2 writable; both when it failed, which reading and writing will tell. */
static void
on_events (uv_poll_t *poll, int status, int events)
{
  struct watch *watch = poll->data;
  napi_env env = watch->env;
  napi_handle_scope scope;
  napi_value callback, global, argument, result, error;
  bool is_pending;

  if (napi_open_handle_scope (env, &scope) != napi_ok)
    return;
  if (napi_get_reference_value (env, watch->callback, &callback) == napi_ok && napi_get_global (env, &global) == napi_ok
      && napi_create_int32 (env, status < 0 ? UV_READABLE | UV_WRITABLE : events, &argument) == napi_ok)
    napi_make_callback (env, watch->context, global, callback, 1, &argument, &result);
  if (napi_is_exception_pending (env, &is_pending) == napi_ok && is_pending && napi_get_and_clear_last_exception (env, &error) == napi_ok)
    napi_fatal_exception (env, error);
  napi_close_handle_scope (env, scope);
}

static bool
prepare (napi_env env, napi_value callback, struct watch *watch)
{
  napi_value name;

  return napi_create_reference (env, callback, 1, &watch->callback) == napi_ok
         && napi_create_string_latin1 (env, "strata.watch", NAPI_AUTO_LENGTH, &name) == napi_ok
         && napi_async_init (env, NULL, name, &watch->context) == napi_ok;
}

/* watch(fd, callback): it, which watches nothing yet. Close it before the descriptor. */
static napi_value
new_watch (napi_env env, napi_callback_info info)
{
  napi_value arguments[2], value;
  struct watch *watch;
  uv_loop_t *loop;
  int32_t fd;

  if (!arguments_of (env, info, 2, arguments) || !int_of (env, arguments[0], &fd))
    return NULL;
  watch = calloc (1, sizeof *watch);
  if (watch == NULL)
    return refuse (env, "there is no memory");
  watch->env = env;
  if (napi_get_uv_event_loop (env, &loop) != napi_ok || uv_poll_init (loop, &watch->poll, fd) != 0)
    {
      free (watch);
      return refuse (env, "this descriptor cannot be watched");
    }
  watch->poll.data = watch;
  if (prepare (env, arguments[1], watch) && napi_create_external (env, watch, on_drop, NULL, &value) == napi_ok)
    return value;
  watch->is_dropped = true;
  close_watch (watch);
  return refuse (env, "this descriptor cannot be watched");
}

static struct watch *
watch_of (napi_env env, napi_value value)
{
  void *watch;

  if (napi_get_value_external (env, value, &watch) == napi_ok)
    return watch;
  refuse (env, "a watch is needed");
  return NULL;
}

/* setWatch(watch, events, whether the process stays alive for it): 0 for none. */
static napi_value
set_watch (napi_env env, napi_callback_info info)
{
  napi_value arguments[3];
  struct watch *watch;
  int32_t events;
  bool holds;

  if (!arguments_of (env, info, 3, arguments) || (watch = watch_of (env, arguments[0])) == NULL || !int_of (env, arguments[1], &events))
    return NULL;
  if (watch->is_closed || napi_get_value_bool (env, arguments[2], &holds) != napi_ok)
    return NULL;
  if (holds)
    uv_ref ((uv_handle_t *) &watch->poll);
  else
    uv_unref ((uv_handle_t *) &watch->poll);
  if (events == 0)
    uv_poll_stop (&watch->poll);
  else
    uv_poll_start (&watch->poll, events, on_events);
  return NULL;
}

/* unwatch(watch): for good. */
static napi_value
unwatch (napi_env env, napi_callback_info info)
{
  napi_value arguments[1];
  struct watch *watch;

  if (arguments_of (env, info, 1, arguments) && (watch = watch_of (env, arguments[0])) != NULL)
    close_watch (watch);
  return NULL;
}

const struct part watch_parts[] = { { "watch", new_watch }, { "setWatch", set_watch }, { "unwatch", unwatch }, { 0 } };
