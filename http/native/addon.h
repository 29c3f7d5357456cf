/* What the parts of the addon share. */
#ifndef STRATA_ADDON_H
#define STRATA_ADDON_H

#include "transfer.h"
#include <node_api.h>

/* Hex of all that was added to it, or undefined; it cannot be gone on with. */
napi_value hex_of (napi_env env, struct hash *hash);

napi_value start_hash (napi_env env, napi_callback_info info);
napi_value add (napi_env env, napi_callback_info info);
napi_value end_hash (napi_env env, napi_callback_info info);

napi_value dial (napi_env env, napi_callback_info info);

#endif
