/* The zlib that Node is linked with, called without Node's streams: inflate in steps on the calling thread, deflate a block on a pool thread. */
#include <node_api.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <zlib.h>

enum
{
  GZIP_WINDOW_BITS = 31,
  ZLIB_WINDOW_BITS = 15,
  RAW_WINDOW_BITS = -15,
  MEM_LEVEL = 9,
  SAMPLE_MEM_LEVEL = 8,
  BLOCK_BYTES = 512 << 10,     /* only the last one is shorter */
  OUTPUT_PIECE = BLOCK_BYTES, /* stored blocks depend on how much room there is: always the same */
  STORED_BYTES = 0xffff,      /* the longest that its length can be told of */
  STORED_HEAD_BYTES = 5,
  SAMPLES = 4,
  SAMPLE_BYTES = 4 << 10,
  MAX_ARGUMENTS = 6,
};

struct bytes
{
  unsigned char *data;
  size_t length;
};

static napi_value
fail (napi_env env, const char *message)
{
  napi_throw_type_error (env, NULL, message);
  return NULL;
}

static bool
bytes_of (napi_env env, napi_value value, struct bytes *bytes)
{
  return napi_get_typedarray_info (env, value, NULL, &bytes->length, (void **) &bytes->data, NULL, NULL) == napi_ok;
}

static void
close_inflate (napi_env env, void *stream, void *hint)
{
  (void) env, (void) hint;
  inflateEnd (stream);
  free (stream);
}

/* openInflate(): a stream for gzip, closed with the object. */
static napi_value
open_inflate (napi_env env, napi_callback_info info)
{
  z_stream *stream = calloc (1, sizeof *stream);
  napi_value handle;

  (void) info;
  if (stream == NULL || inflateInit2 (stream, GZIP_WINDOW_BITS) != Z_OK)
    {
      free (stream);
      return fail (env, "no memory to inflate");
    }
  if (napi_create_external (env, stream, close_inflate, NULL, &handle) != napi_ok)
    return close_inflate (env, stream, NULL), NULL;
  return handle;
}

/* resetInflate(stream): another gzip member begins. */
static napi_value
reset_inflate (napi_env env, napi_callback_info info)
{
  napi_value argument;
  size_t count = 1;
  z_stream *stream;

  if (napi_get_cb_info (env, info, &count, &argument, NULL, NULL) != napi_ok || napi_get_value_external (env, argument, (void **) &stream) != napi_ok)
    return fail (env, "resetInflate takes a stream");
  inflateReset (stream);
  return NULL;
}

/* inflate(stream, input, output, counts): counts, an Int32Array, becomes what was read and what was written. Gives zlib's code. */
static napi_value
step_inflate (napi_env env, napi_callback_info info)
{
  napi_value arguments[MAX_ARGUMENTS], code;
  size_t count = 4, length;
  struct bytes input, output;
  int32_t *counts;
  z_stream *stream;
  int result;

  if (napi_get_cb_info (env, info, &count, arguments, NULL, NULL) != napi_ok || count < 4
      || napi_get_value_external (env, arguments[0], (void **) &stream) != napi_ok || !bytes_of (env, arguments[1], &input)
      || !bytes_of (env, arguments[2], &output)
      || napi_get_typedarray_info (env, arguments[3], NULL, &length, (void **) &counts, NULL, NULL) != napi_ok || length < 2)
    return fail (env, "inflate takes a stream, input, output and two counts");
  stream->next_in = input.data;
  stream->avail_in = input.length;
  stream->next_out = output.data;
  stream->avail_out = output.length;
  result = inflate (stream, Z_NO_FLUSH);
  counts[0] = input.length - stream->avail_in;
  counts[1] = output.length - stream->avail_out;
  return napi_create_int32 (env, result, &code) == napi_ok ? code : NULL;
}

/* One block on its way through a pool thread. `keep` holds its buffers. */
struct packing
{
  struct bytes block, dictionary, output;
  uint32_t *result; /* bytes written, CRC-32 of the block */
  int level;
  const char *failure;
  napi_ref keep;
  napi_deferred deferred;
  napi_async_work work;
};

/* A fresh one for each block: what one that is reset gives depends on what it had before. */
static bool
open_deflate (z_stream *stream, int level, int window_bits, int mem_level)
{
  memset (stream, 0, sizeof *stream);
  return deflateInit2 (stream, level, Z_DEFLATED, window_bits, mem_level, Z_DEFAULT_STRATEGY) == Z_OK;
}

/* What does not shrink by a hundredth is only wrapped. Parts of a block are tried, so that half a block of text is not missed. */
static bool
shrinks (const struct bytes *block)
{
  static _Thread_local unsigned char sample[SAMPLES * SAMPLE_BYTES], packed[2 * sizeof sample];
  z_stream stream;

  if (block->length < BLOCK_BYTES || !open_deflate (&stream, 1, ZLIB_WINDOW_BITS, SAMPLE_MEM_LEVEL))
    return true;
  for (size_t index = 0; index < SAMPLES; index++)
    memcpy (sample + index * SAMPLE_BYTES, block->data + index * (block->length / SAMPLES), SAMPLE_BYTES);
  stream.next_in = sample;
  stream.avail_in = sizeof sample;
  stream.next_out = packed;
  stream.avail_out = sizeof packed;
  deflate (&stream, Z_FINISH);
  deflateEnd (&stream);
  return stream.total_out * 100 < sizeof sample * 99;
}

/* A sync flush ends the block on a byte, so that blocks can simply stand behind one another. */
static const char *
deflate_into (z_stream *stream, struct packing *packing)
{
  const struct bytes *output = &packing->output;
  size_t written = 0;

  stream->next_in = packing->block.data;
  stream->avail_in = packing->block.length;
  do
    {
      size_t room = output->length - written < OUTPUT_PIECE ? output->length - written : OUTPUT_PIECE;

      if (room == 0)
        return "no room for a deflated block";
      stream->next_out = output->data + written;
      stream->avail_out = room;
      deflate (stream, Z_SYNC_FLUSH);
      written += room - stream->avail_out;
    }
  while (stream->avail_out == 0);
  packing->result[0] = written;
  return NULL;
}

static const char *
deflate_block (struct packing *packing)
{
  const struct bytes *dictionary = &packing->dictionary;
  const char *failure;
  z_stream stream;

  if (!open_deflate (&stream, packing->level, RAW_WINDOW_BITS, MEM_LEVEL))
    return "no memory to deflate";
  if (dictionary->length > 0)
    deflateSetDictionary (&stream, dictionary->data, dictionary->length);
  failure = deflate_into (&stream, packing);
  deflateEnd (&stream);
  return failure;
}

/* As it is, in pieces that end on a byte. zlib does the same, by way of a stream that has to be made and of its window. Spec: RFC 1951, section 3.2.4. */
static const char *
wrap_block (struct packing *packing)
{
  const struct bytes *block = &packing->block, *output = &packing->output;
  size_t written = 0;

  for (size_t at = 0, length; at < block->length; at += length, written += length)
    {
      length = block->length - at < STORED_BYTES ? block->length - at : STORED_BYTES;
      if (output->length - written < STORED_HEAD_BYTES + length)
        return "no room for a wrapped block";
      const unsigned char head[STORED_HEAD_BYTES] = { 0, length & 0xff, length >> 8, ~length & 0xff, ~length >> 8 & 0xff };
      memcpy (output->data + written, head, sizeof head);
      written += sizeof head;
      memcpy (output->data + written, block->data + at, length);
    }
  packing->result[0] = written;
  return NULL;
}

static void
pack (napi_env env, void *data)
{
  struct packing *packing = data;

  (void) env;
  packing->result[1] = crc32 (0, packing->block.data, packing->block.length);
  packing->failure = packing->level > 0 && shrinks (&packing->block) ? deflate_block (packing) : wrap_block (packing);
}

static void
packed (napi_env env, napi_status status, void *data)
{
  struct packing *packing = data;
  napi_value value;

  (void) status;
  if (packing->failure == NULL)
    {
      napi_get_undefined (env, &value);
      napi_resolve_deferred (env, packing->deferred, value);
    }
  else
    {
      napi_value message;

      napi_create_string_utf8 (env, packing->failure, NAPI_AUTO_LENGTH, &message);
      napi_create_error (env, NULL, message, &value);
      napi_reject_deferred (env, packing->deferred, value);
    }
  napi_delete_reference (env, packing->keep);
  napi_delete_async_work (env, packing->work);
  free (packing);
}

static bool
read_packing (napi_env env, napi_callback_info info, struct packing *packing)
{
  napi_value arguments[MAX_ARGUMENTS], kept_values;
  size_t count = 5, length;

  if (napi_get_cb_info (env, info, &count, arguments, NULL, NULL) != napi_ok || count < 5 || !bytes_of (env, arguments[0], &packing->block)
      || !bytes_of (env, arguments[1], &packing->dictionary) || !bytes_of (env, arguments[2], &packing->output)
      || napi_get_typedarray_info (env, arguments[3], NULL, &length, (void **) &packing->result, NULL, NULL) != napi_ok || length < 2
      || napi_get_value_int32 (env, arguments[4], &packing->level) != napi_ok)
    return false;
  if (napi_create_array (env, &kept_values) != napi_ok)
    return false;
  for (uint32_t index = 0; index < 4; index++)
    if (napi_set_element (env, kept_values, index, arguments[index]) != napi_ok)
      return false;
  return napi_create_reference (env, kept_values, 1, &packing->keep) == napi_ok;
}

/* deflate(block, dictionary, output, result, level): a promise; result, a Uint32Array, becomes the bytes written and the block's CRC-32. */
static napi_value
start_deflate (napi_env env, napi_callback_info info)
{
  struct packing *packing = calloc (1, sizeof *packing);
  napi_value promise, name;

  if (packing == NULL || !read_packing (env, info, packing))
    {
      free (packing);
      return fail (env, "deflate takes a block, a dictionary, output, two numbers and a level");
    }
  if (napi_create_promise (env, &packing->deferred, &promise) != napi_ok || napi_create_string_utf8 (env, "deflate", NAPI_AUTO_LENGTH, &name) != napi_ok
      || napi_create_async_work (env, NULL, name, pack, packed, packing, &packing->work) != napi_ok || napi_queue_async_work (env, packing->work) != napi_ok)
    return fail (env, "no memory to deflate");
  return promise;
}

/* joinCrc(first, second, length): CRC-32 of what has the first, followed by `length` bytes that have the second. */
static napi_value
join_crc (napi_env env, napi_callback_info info)
{
  napi_value arguments[MAX_ARGUMENTS], joined;
  size_t count = 3;
  uint32_t first, second, length;

  if (napi_get_cb_info (env, info, &count, arguments, NULL, NULL) != napi_ok || count < 3
      || napi_get_value_uint32 (env, arguments[0], &first) != napi_ok || napi_get_value_uint32 (env, arguments[1], &second) != napi_ok
      || napi_get_value_uint32 (env, arguments[2], &length) != napi_ok)
    return fail (env, "joinCrc takes three numbers");
  return napi_create_uint32 (env, crc32_combine64 (first, second, length), &joined) == napi_ok ? joined : NULL;
}

NAPI_MODULE_INIT ()
{
  const napi_property_descriptor functions[] = {
    { "openInflate", NULL, open_inflate, NULL, NULL, NULL, napi_enumerable, NULL },
    { "resetInflate", NULL, reset_inflate, NULL, NULL, NULL, napi_enumerable, NULL },
    { "inflate", NULL, step_inflate, NULL, NULL, NULL, napi_enumerable, NULL },
    { "deflate", NULL, start_deflate, NULL, NULL, NULL, napi_enumerable, NULL },
    { "joinCrc", NULL, join_crc, NULL, NULL, NULL, napi_enumerable, NULL },
  };

  return napi_define_properties (env, exports, sizeof functions / sizeof *functions, functions) == napi_ok ? exports : NULL;
}
