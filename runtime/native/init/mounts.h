/* The container's tree of mounts. Until the pivot every target is found below the root by openat2 and mounted by descriptor.
   Each function does one operation; its fields are told above its definition. */
#pragma once

/* What becomes the root: a folder, or overlay layers. */
void root_folder (char **fields);
void root_overlay (char **fields);
void root_received (char **fields, int tree);
void mount_new (char **fields);
void mount_early (char **fields);
void mount_late (char **fields);
void mount_bind (char **fields);
void mount_tree (char **fields, int tree);
void mount_device (char **fields);
void mount_link (char **fields);
void mount_remount (char **fields);
void root_pivot (char **fields);
/* After the pivot. */
void root_propagation (char **fields);
void mount_mask (char **fields);
void mount_readonly (char **fields);
void mount_console (int slave);
