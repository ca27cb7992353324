// SPDX-License-Identifier: BSD-2-Clause
#include "capture/kernel_btf.h"

#include <bpf/btf.h>

bool kernel_has_function(const char *name)
{
	struct btf *btf = btf__load_vmlinux_btf();
	bool found = btf && btf__find_by_name_kind(btf, name, BTF_KIND_FUNC) > 0;

	btf__free(btf);
	return found;
}
