{
  "targets": [
    {
      "target_name": "strata-helper",
      "type": "executable",
      "sources": ["<!@(ls runtime/native/*.c)"],
      "cflags": ["-std=gnu17", "-Wall", "-Wextra", "-Werror", "-Os", "-ffunction-sections", "-fdata-sections"],
      "ldflags": ["-static", "-Wl,--gc-sections"]
    },
    {
      "target_name": "strata-lock",
      "type": "loadable_module",
      "sources": ["store/native/file-lock.c"],
      "cflags": ["-std=gnu17", "-Wall", "-Wextra", "-Werror", "-Os"]
    }
  ]
}
