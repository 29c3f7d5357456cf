/* Into a container's files: a running one's mount namespace, or the layers of one that has stopped, mounted for this process alone. */
#pragma once

/* pid PID:START | [disk IMAGE TARGET] overlay AT PROPAGATION OPTION… -- (TARGET SOURCE SUB-PATH)… From then on / is the container's root. */
void enter_container (char **place);
/* Opens `path` with `flags` as the container sees it; links of /proc that lead to other processes' files are not followed. -1 with errno. */
int open_inside (const char *path, int flags);
