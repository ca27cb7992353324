/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef BASE_PATH_H
#define BASE_PATH_H

/* Make every directory in front of the last slash of @path that is missing (mode 0755). 0 or
 * negative errno. "a/b/" makes b too. */
int path_make_parents(const char *path);

#endif
