// SPDX-License-Identifier: BSD-2-Clause
#include "libsuite.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

static int run_site(const struct suite *suite, uint32_t site, FILE *out)
{
	struct trial trial = suite->trial;
	struct outcome *outcomes = NULL;
	struct site_totals totals;
	size_t len = 0;
	int err;

	trial.site.index = site;
	trial.site.resolver_side = floor((site + 1) * suite->resolver_share) >
				   floor(site * suite->resolver_share);
	err = trial_run(&trial, &outcomes, &len, &totals);
	if (!err && (fwrite(&len, sizeof(len), 1, out) != 1 ||
		     fwrite(&totals, sizeof(totals), 1, out) != 1 ||
		     fwrite(outcomes, sizeof(*outcomes), len, out) != len))
		err = -EIO;
	free(outcomes);
	return err;
}

static int worker(const struct suite *suite, uint32_t job, FILE *out)
{
	int err = 0;

	for (uint32_t site = job; !err && site < suite->sites; site += suite->jobs)
		err = run_site(suite, site, out);
	if (err)
		fprintf(stderr, "site of suite %s: %s\n", suite->name, strerror(-err));
	fflush(NULL); /* the dumps too: _exit() would lose their last block */
	return err;
}

static int read_site(struct results *r, FILE *in)
{
	struct outcome *grown;
	size_t len;

	if (fread(&len, sizeof(len), 1, in) != 1 ||
	    fread(&r->sites[r->sites_len], sizeof(*r->sites), 1, in) != 1)
		return -EIO;
	grown = realloc(r->outcomes, (r->len + len) * sizeof(*grown));
	if (!grown)
		return -ENOMEM;
	r->outcomes = grown;
	if (fread(r->outcomes + r->len, sizeof(*grown), len, in) != len)
		return -EIO;
	r->len += len;
	r->sites_len++;
	return 0;
}

static int start_jobs(const struct suite *suite, FILE **files, pid_t *pids)
{
	fflush(NULL);
	for (uint32_t j = 0; j < suite->jobs; j++) {
		files[j] = tmpfile();
		if (!files[j])
			return -errno;
		pids[j] = fork();
		if (pids[j] < 0)
			return -errno;
		if (!pids[j])
			_exit(worker(suite, j, files[j]) ? 1 : 0);
	}
	return 0;
}

int suite_run(const struct suite *suite, struct results *ret)
{
	FILE **files = calloc(suite->jobs, sizeof(*files));
	pid_t *pids = calloc(suite->jobs, sizeof(*pids));
	int err, status;

	*ret = (struct results){ .sites = calloc(suite->sites, sizeof(*ret->sites)) };
	err = files && pids && ret->sites ? start_jobs(suite, files, pids) : -ENOMEM;
	for (uint32_t j = 0; pids && j < suite->jobs; j++)
		if (pids[j] > 0 && (waitpid(pids[j], &status, 0) < 0 || status))
			err = err ? err : -ECHILD;
	for (uint32_t j = 0; !err && j < suite->jobs; j++)
		rewind(files[j]);
	for (uint32_t site = 0; !err && site < suite->sites; site++)
		err = read_site(ret, files[site % suite->jobs]);
	for (uint32_t j = 0; files && j < suite->jobs; j++)
		if (files[j])
			fclose(files[j]);
	free(files);
	free(pids);
	if (err)
		results_free(ret);
	return err;
}

void results_free(struct results *r)
{
	free(r->outcomes);
	free(r->sites);
	*r = (struct results){ 0 };
}
