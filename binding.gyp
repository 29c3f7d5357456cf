{
  "target_defaults": {
    "cflags": ["-std=gnu17", "-Wall", "-Wextra", "-Werror", "-Os"],
    "include_dirs": ["store/native", "store/native/common"]
  },
  "targets": [
    {
      "target_name": "strata-helper",
      "type": "executable",
      "sources": ["<!@(ls store/native/common/*.c runtime/native/*.c runtime/native/launch/*.c runtime/native/init/*.c runtime/native/monitor/*.c runtime/native/unpack/*.c runtime/native/disk/*.c)"],
      "include_dirs": ["runtime/native", "runtime/native/disk", "runtime/native/launch", "runtime/native/init", "runtime/native/monitor"],
      "cflags": ["-ffunction-sections", "-fdata-sections"],
      "ldflags": ["-static", "-Wl,--gc-sections"]
    },
    {
      "target_name": "strata-minder",
      "type": "executable",
      "sources": ["<!@(ls store/native/common/*.c runtime/native/*.c runtime/native/minder/*.c)"],
      "include_dirs": ["runtime/native"],
      "cflags": ["-ffunction-sections", "-fdata-sections"],
      "ldflags": ["-static", "-Wl,--gc-sections"]
    },
    {
      "target_name": "strata-network",
      "type": "executable",
      "sources": ["<!@(ls store/native/common/*.c runtime/network/native/*.c)"],
      "cflags": ["-ffunction-sections", "-fdata-sections"],
      "ldflags": ["-static", "-Wl,--gc-sections"]
    },
    {
      "target_name": "strata-names",
      "type": "executable",
      "sources": ["<!@(ls runtime/network/server/*.c runtime/network/names/*.c)"],
      "include_dirs": ["runtime/network/server"],
      "cflags": ["-ffunction-sections", "-fdata-sections"],
      "ldflags": ["-static", "-Wl,--gc-sections"]
    },
    {
      "target_name": "strata-loopback",
      "type": "executable",
      "sources": ["<!@(ls runtime/network/server/*.c runtime/network/loopback/*.c)"],
      "include_dirs": ["runtime/network/server"],
      "cflags": ["-ffunction-sections", "-fdata-sections"],
      "ldflags": ["-static", "-Wl,--gc-sections"]
    },
    {
      "target_name": "strata-tree",
      "type": "executable",
      "sources": ["<!@(ls store/native/common/*.c store/native/tree/*.c)"],
      "include_dirs": ["store/native/tree"],
      "cflags": ["-ffunction-sections", "-fdata-sections"],
      "ldflags": ["-static", "-Wl,--gc-sections"]
    },
    {
      "target_name": "strata-system",
      "type": "loadable_module",
      "sources": ["<!@(ls system/native/*.c)"]
    },
    {
      "target_name": "strata-zlib",
      "type": "loadable_module",
      "sources": ["store/native/zlib.c"],
      "cflags": ["-O2"]
    },
    {
      "target_name": "strata-transfer",
      "type": "loadable_module",
      "sources": ["<!@(ls http/native/*.c)"],
      "cflags": ["-O2"]
    }
  ]
}
