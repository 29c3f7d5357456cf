/* Who the program is and what it may: the last steps before execve. Each function does one operation. */
#pragma once

void identity_keyring (char **fields);
void identity_rlimit (char **fields);
void identity_bounding (char **fields);
void identity_user (char **fields);
void identity_capabilities (char **fields);
void identity_seccomp (char **fields);
