/* The transfers for Node: send(socket, file, offset, length, done[, copies]), receive(socket, file, offset, length, head, done[, hash]), moved(it), stop(it), cut(it);
   hash(), add(hash, buffer), digest(hash); dial(address, port). */
#define _GNU_SOURCE
#include "addon.h"
#include "transfer.h"
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* Node's view of one. It is freed when both are done with it: the thread, and whoever may ask how far it is. */
struct job
{
  struct transfer transfer;
  napi_threadsafe_function done;
  bool is_settled, is_dropped; /* of Node's thread alone */
};

static void
free_job (struct job *job)
{
  if (job->is_settled && job->is_dropped)
    free (job);
}

/* Descriptors are closed here, where `stop` is called too: it never meets another's of the same number. */
static void
close_job (struct job *job)
{
  struct transfer *transfer = &job->transfer;

  close (transfer->socket);
  close (transfer->file);
  free (transfer->head);
  free_hash (transfer->hash);
  transfer->hash = NULL;
  job->is_settled = true;
}

static void
drop (napi_env env, void *data, void *hint)
{
  struct job *job = data;

  (void) env, (void) hint;
  job->is_dropped = true;
  free_job (job);
}

/* What later bytes are added to must have all of these. */
static int
error_of (const struct transfer *transfer)
{
  return transfer->error == 0 && transfer->hash_failed && transfer->hash_goes_on ? EIO : transfer->error;
}

static bool
gives_digest (const struct transfer *transfer)
{
  return transfer->error == 0 && !transfer->hash_failed && !transfer->hash_goes_on;
}

/* done(errno of what ended it or 0, sha256, whether the errno is the file's): on Node's thread. `env` is NULL when it is ending. */
static void
tell (napi_env env, napi_value done, void *context, void *data)
{
  struct job *job = data;
  napi_value nobody, arguments[3] = { NULL, NULL, NULL };

  (void) context;
  if (env != NULL)
    arguments[1] = hex_of (env, gives_digest (&job->transfer) ? job->transfer.hash : NULL);
  close_job (job);
  if (env != NULL && napi_get_undefined (env, &nobody) == napi_ok
      && napi_create_int32 (env, error_of (&job->transfer), &arguments[0]) == napi_ok
      && napi_get_boolean (env, job->transfer.file_failed, &arguments[2]) == napi_ok)
    napi_call_function (env, nobody, done, 3, arguments, NULL);
  free_job (job);
}

/* On the transfer's thread. */
static void
settle (struct transfer *transfer)
{
  struct job *job = (struct job *) transfer; /* its first member */
  napi_threadsafe_function done = job->done;

  if (napi_call_threadsafe_function (done, job, napi_tsfn_nonblocking) != napi_closing) /* it is not ours any more then */
    napi_release_threadsafe_function (done, napi_tsfn_release);
}

/* Callers know it by its code. */
static napi_value
refuse_errno (napi_env env)
{
  const char *code = errno == EMFILE ? "EMFILE" : errno == ENFILE ? "ENFILE" : NULL;

  napi_throw_error (env, code, strerror (errno));
  return NULL;
}

static napi_value
refuse (napi_env env, struct job *job, const char *why)
{
  if (job != NULL)
    {
      close_job (job);
      free (job);
    }
  napi_throw_error (env, NULL, why);
  return NULL;
}

static struct job *
new_job (napi_env env, enum direction direction, const napi_value arguments[4])
{
  struct job *job = calloc (1, sizeof *job);
  int32_t socket, file;
  int64_t offset, length;

  if (job == NULL || napi_get_value_int32 (env, arguments[0], &socket) != napi_ok || napi_get_value_int32 (env, arguments[1], &file) != napi_ok
      || napi_get_value_int64 (env, arguments[2], &offset) != napi_ok || napi_get_value_int64 (env, arguments[3], &length) != napi_ok || offset < 0
      || length < 0)
    {
      free (job);
      return NULL;
    }
  job->transfer = (struct transfer) { .direction = direction, .offset = offset, .left = length, .settle = settle };
  job->transfer.socket = fcntl (socket, F_DUPFD_CLOEXEC, 0);
  job->transfer.file = fcntl (file, F_DUPFD_CLOEXEC, 0);
  return job;
}

static napi_value
start (napi_env env, struct job *job, napi_value done)
{
  napi_value name, handle;

  if (job->transfer.socket < 0 || job->transfer.file < 0)
    {
      int error = errno;
      close_job (job);
      free (job);
      errno = error;
      return refuse_errno (env);
    }
  if (napi_create_string_utf8 (env, "strata-transfer", NAPI_AUTO_LENGTH, &name) != napi_ok
      || napi_create_threadsafe_function (env, done, NULL, name, 0, 1, NULL, NULL, NULL, tell, &job->done) != napi_ok)
    return refuse (env, job, "a transfer needs a function to call when it is done");
  if (napi_create_external (env, job, drop, NULL, &handle) != napi_ok)
    {
      napi_release_threadsafe_function (job->done, napi_tsfn_abort);
      return refuse (env, job, "no memory for a transfer");
    }
  if (start_transfer (&job->transfer))
    return handle;
  napi_release_threadsafe_function (job->done, napi_tsfn_abort);
  int error = errno;
  close_job (job); /* freed with its handle */
  errno = error;
  return refuse_errno (env);
}

static napi_value
send_file (napi_env env, napi_callback_info info)
{
  napi_value arguments[6];
  size_t count = 6;
  struct job *job = NULL;

  if (napi_get_cb_info (env, info, &count, arguments, NULL, NULL) == napi_ok && count >= 5)
    job = new_job (env, SEND, arguments);
  if (job != NULL && count > 5)
    napi_get_value_bool (env, arguments[5], &job->transfer.copies);
  return job == NULL ? refuse (env, NULL, "send takes socket, file, offset, length and a function") : start (env, job, arguments[4]);
}

/* The hash of its own, or the one that it goes on with. */
static struct hash *
hash_for (napi_env env, napi_value given, struct transfer *transfer)
{
  void *hash;

  if (given == NULL)
    return new_sha256 ();
  if (napi_get_value_external (env, given, &hash) != napi_ok)
    return NULL;
  transfer->hash_goes_on = true;
  return share_hash (hash);
}

static napi_value
receive_file (napi_env env, napi_callback_info info)
{
  napi_value arguments[7];
  size_t count = 7;
  void *head;
  struct job *job = NULL;

  if (napi_get_cb_info (env, info, &count, arguments, NULL, NULL) == napi_ok && count >= 6)
    job = new_job (env, RECEIVE, arguments);
  if (job == NULL || napi_get_buffer_info (env, arguments[4], &head, &job->transfer.head_size) != napi_ok)
    return refuse (env, job, "receive takes socket, file, offset, length, a buffer and a function");
  job->transfer.hash = hash_for (env, count > 6 ? arguments[6] : NULL, &job->transfer);
  job->transfer.head = malloc (job->transfer.head_size + 1);
  if (job->transfer.hash == NULL || job->transfer.head == NULL)
    return refuse (env, job, "no memory for a transfer");
  if (job->transfer.head_size > 0) /* an empty one may be nowhere */
    memcpy (job->transfer.head, head, job->transfer.head_size);
  return start (env, job, arguments[5]);
}

static struct job *
job_of (napi_env env, napi_callback_info info)
{
  napi_value argument;
  size_t count = 1;
  void *job = NULL;

  if (napi_get_cb_info (env, info, &count, &argument, NULL, NULL) != napi_ok || count < 1 || napi_get_value_external (env, argument, &job) != napi_ok)
    napi_throw_type_error (env, NULL, "this is no transfer");
  return job;
}

/* Bytes that went over the socket so far. */
static napi_value
moved (napi_env env, napi_callback_info info)
{
  struct job *job = job_of (env, info);
  napi_value bytes;

  return job != NULL && napi_create_int64 (env, (int64_t) job->transfer.moved, &bytes) == napi_ok ? bytes : NULL;
}

static napi_value
stop (napi_env env, napi_callback_info info)
{
  struct job *job = job_of (env, info);

  if (job != NULL && !job->is_settled)
    stop_transfer (&job->transfer, false);
  return NULL;
}

static napi_value
cut (napi_env env, napi_callback_info info)
{
  struct job *job = job_of (env, info);

  if (job != NULL && !job->is_settled)
    stop_transfer (&job->transfer, true);
  return NULL;
}

static void
freeze (void *nothing)
{
  (void) nothing;
  freeze_transfers ();
}

/* All that is here is the process's, and its threads end with the first environment that has it. */
static atomic_flag is_taken = ATOMIC_FLAG_INIT;

NAPI_MODULE_INIT ()
{
  const napi_property_descriptor functions[] = {
    { .utf8name = "send", .method = send_file, .attributes = napi_enumerable },
    { .utf8name = "moved", .method = moved, .attributes = napi_enumerable },
    { .utf8name = "stop", .method = stop, .attributes = napi_enumerable },
    { .utf8name = "cut", .method = cut, .attributes = napi_enumerable },
    { .utf8name = "dial", .method = dial, .attributes = napi_enumerable },
    { .utf8name = "receive", .method = receive_file, .attributes = napi_enumerable },
    { .utf8name = "hash", .method = start_hash, .attributes = napi_enumerable },
    { .utf8name = "add", .method = add, .attributes = napi_enumerable },
    { .utf8name = "digest", .method = end_hash, .attributes = napi_enumerable },
  };
  struct hash *hash = new_sha256 ();
  size_t count = sizeof functions / sizeof functions[0] - (hash == NULL ? 4 : 0); /* `receive` and what follows */

  free_hash (hash);
  if (atomic_flag_test_and_set (&is_taken))
    return refuse (env, NULL, "another thread of this process has the transfers");
  if (napi_define_properties (env, exports, count, functions) != napi_ok || napi_add_env_cleanup_hook (env, freeze, NULL) != napi_ok)
    return NULL;
  return exports;
}
