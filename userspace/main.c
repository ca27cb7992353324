// SPDX-License-Identifier: BSD-2-Clause
#include <stdio.h>

int main(void)
{
	puts("fluxtap " FLUXTAP_VERSION);
	return 0;
}
