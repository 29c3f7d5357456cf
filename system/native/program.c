/* Programs: posix_spawn(3), which shares our memory until execve instead of copying its tables, and pidfd_open(2) to hear of their end. */
#define _GNU_SOURCE
#include "addon.h"
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <spawn.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

enum
{
  MOST_FILES = 256,
};

struct request
{
  char *file, *folder, **arguments, **environment;
  bool has_session;
  uint32_t file_count;
  int files[MOST_FILES]; /* ours, that become 0, 1, …; below 0: /dev/null */
};

static void
free_texts (char **texts)
{
  for (char **text = texts; texts != NULL && *text != NULL; text++)
    free (*text);
  free (texts);
}

static void
free_request (struct request *request)
{
  free (request->file);
  free (request->folder);
  free_texts (request->arguments);
  free_texts (request->environment);
}

static char **
texts_of (napi_env env, napi_value array)
{
  uint32_t count;
  napi_value element;

  if (napi_get_array_length (env, array, &count) != napi_ok)
    {
      refuse (env, "an array is needed");
      return NULL;
    }
  char **texts = calloc ((size_t) count + 1, sizeof *texts);
  for (uint32_t at = 0; texts != NULL && at < count; at++)
    if (napi_get_element (env, array, at, &element) != napi_ok || (texts[at] = text_of (env, element, NULL)) == NULL)
      {
        free_texts (texts);
        return NULL;
      }
  return texts;
}

static bool
files_of (napi_env env, napi_value array, struct request *request)
{
  napi_value element;

  if (napi_get_array_length (env, array, &request->file_count) != napi_ok || request->file_count > MOST_FILES)
    {
      refuse (env, "an array of at most 256 descriptors is needed");
      return false;
    }
  for (uint32_t at = 0; at < request->file_count; at++)
    if (napi_get_element (env, array, at, &element) != napi_ok || !int_of (env, element, &request->files[at]))
      return false;
  return true;
}

/* Those that would be overwritten before their turn are moved out of the way. Gives false and errno. */
static bool
clear_places (struct request *request, int moved[MOST_FILES])
{
  for (uint32_t at = 0; at < request->file_count; at++)
    {
      moved[at] = -1;
      if (request->files[at] < 0 || request->files[at] >= (int) at)
        continue;
      moved[at] = fcntl (request->files[at], F_DUPFD_CLOEXEC, (int) request->file_count);
      if (moved[at] < 0)
        return false;
      request->files[at] = moved[at];
    }
  return true;
}

static void
close_all (const int files[], uint32_t count)
{
  for (uint32_t at = 0; at < count; at++)
    if (files[at] >= 0)
      close (files[at]);
}

static int
add_files (posix_spawn_file_actions_t *actions, const struct request *request)
{
  int error = request->folder[0] == '\0' ? 0 : posix_spawn_file_actions_addchdir_np (actions, request->folder);

  for (int at = 0; error == 0 && at < (int) request->file_count; at++)
    error = request->files[at] < 0 ? posix_spawn_file_actions_addopen (actions, at, "/dev/null", O_RDWR, 0)
                                   : posix_spawn_file_actions_adddup2 (actions, request->files[at], at);
  return error;
}

static int
set_attributes (posix_spawnattr_t *attributes, bool has_session)
{
  sigset_t all, none;
  int error;

  memset (&all, 0xff, sizeof all); /* sigfillset leaves out two that the C library keeps for itself, and they would be ignored in the program */
  sigemptyset (&none);
  error = posix_spawnattr_setflags (attributes, (short) (POSIX_SPAWN_SETSIGDEF | POSIX_SPAWN_SETSIGMASK | (has_session ? POSIX_SPAWN_SETSID : 0)));
  if (error == 0)
    error = posix_spawnattr_setsigdefault (attributes, &all);
  return error == 0 ? posix_spawnattr_setsigmask (attributes, &none) : error;
}

/* -1 and errno. */
static int
start (struct request *request)
{
  posix_spawn_file_actions_t actions;
  posix_spawnattr_t attributes;
  int moved[MOST_FILES], error;
  pid_t pid = -1;

  for (uint32_t at = 0; at < request->file_count; at++)
    moved[at] = -1;
  posix_spawn_file_actions_init (&actions);
  posix_spawnattr_init (&attributes);
  error = clear_places (request, moved) ? add_files (&actions, request) : errno;
  if (error == 0)
    error = set_attributes (&attributes, request->has_session);
  if (error == 0)
    error = posix_spawnp (&pid, request->file, &actions, &attributes, request->arguments, request->environment == NULL ? environ : request->environment);
  posix_spawnattr_destroy (&attributes);
  posix_spawn_file_actions_destroy (&actions);
  close_all (moved, request->file_count);
  errno = error;
  return error == 0 ? pid : -1;
}

static bool
is_nothing (napi_env env, napi_value value)
{
  napi_valuetype type;

  return napi_typeof (env, value, &type) == napi_ok && (type == napi_undefined || type == napi_null);
}

/* start(file, arguments, environment or undefined, folder or "", descriptors, has a session of its own): the pid, or -errno. */
static napi_value
start_program (napi_env env, napi_callback_info info)
{
  napi_value arguments[6], result = NULL;
  struct request request = { 0 };

  if (arguments_of (env, info, 6, arguments) && (request.file = text_of (env, arguments[0], NULL)) != NULL
      && (request.arguments = texts_of (env, arguments[1])) != NULL
      && (is_nothing (env, arguments[2]) || (request.environment = texts_of (env, arguments[2])) != NULL)
      && (request.folder = text_of (env, arguments[3], NULL)) != NULL && files_of (env, arguments[4], &request)
      && napi_get_value_bool (env, arguments[5], &request.has_session) == napi_ok)
    result = result_of (env, start (&request));
  free_request (&request);
  return result;
}

/* pidfd(pid): a descriptor that can be read from when it has ended. */
static napi_value
open_pidfd (napi_env env, napi_callback_info info)
{
  napi_value arguments[1];
  int32_t pid;

  if (!arguments_of (env, info, 1, arguments) || !int_of (env, arguments[0], &pid))
    return NULL;
  return result_of (env, (int) syscall (SYS_pidfd_open, pid, 0));
}

/* reap(pid): wait(2)'s status of a child, or -errno; EAGAIN while it runs. */
static napi_value
reap (napi_env env, napi_callback_info info)
{
  napi_value arguments[1];
  int32_t pid;
  int status = 0;

  if (!arguments_of (env, info, 1, arguments) || !int_of (env, arguments[0], &pid))
    return NULL;
  pid_t found = waitpid (pid, &status, WNOHANG);
  if (found == 0)
    errno = EAGAIN;
  return result_of (env, found > 0 ? status : -1);
}

const struct part program_parts[] = { { "start", start_program }, { "pidfd", open_pidfd }, { "reap", reap }, { 0 } };
