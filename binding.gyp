{
  "targets": [
    {
      "target_name": "strata-helper",
      "type": "executable",
      "sources": ["<!@(ls runtime/native/*.c)"],
      "cflags": ["-std=gnu17", "-Wall", "-Wextra", "-Werror", "-O2"],
      "ldflags": ["-static"]
    }
  ]
}
