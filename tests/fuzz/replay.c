// SPDX-License-Identifier: BSD-2-Clause
/* Run the seeds of one fuzz target through it, as a test: <name>_test reads tests/data/fuzz/<name>. */
#include <dirent.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define SEED_MAX (1U << 20)

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static int replay(const char *path)
{
	FILE *f = fopen(path, "rb");
	uint8_t *data;
	size_t len;

	if (!f)
		return -1;
	data = malloc(SEED_MAX);
	len = data ? fread(data, 1, SEED_MAX, f) : 0;
	fclose(f);
	if (data) {
		/* an allocation of exactly this size lets sanitizers see a read past the end */
		uint8_t *exact = malloc(len ? len : 1);

		if (exact) {
			memcpy(exact, data, len);
			LLVMFuzzerTestOneInput(exact, len);
		}
		free(exact);
	}
	free(data);
	return 0;
}

static int is_seed(const struct dirent *entry)
{
	return entry->d_name[0] != '.';
}

int main(int argc, char **argv)
{
	char dir[256], path[768], *name = strrchr(argv[0], '/');
	struct dirent **seeds;
	int n, failed = 0;

	(void)argc;
	name = name ? name + 1 : argv[0];
	snprintf(dir, sizeof(dir), "tests/data/fuzz/%.*s", (int)(strlen(name) - strlen("_test")), name);
	n = scandir(dir, &seeds, is_seed, alphasort);
	if (n <= 0) {
		printf("not ok 1 - %s holds no seed\n1..1\n", dir);
		return 1;
	}
	for (int i = 0; i < n; i++) {
		int bad;

		snprintf(path, sizeof(path), "%s/%s", dir, seeds[i]->d_name);
		bad = replay(path) != 0;
		printf("%sok %d - %s\n", bad ? "not " : "", i + 1, seeds[i]->d_name);
		fflush(stdout); /* a crash in the next one must not take this line along */
		failed += bad;
		free(seeds[i]);
	}
	free(seeds);
	printf("1..%d\n", n);
	return failed != 0;
}
