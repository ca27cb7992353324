/* SPDX-License-Identifier: BSD-2-Clause */
/* What the running kernel says of itself in its BTF. */
#ifndef CAPTURE_KERNEL_BTF_H
#define CAPTURE_KERNEL_BTF_H

#include <stdbool.h>

/* Is there a function @name that programs may call, for instance? False without BTF. */
bool kernel_has_function(const char *name);

#endif
