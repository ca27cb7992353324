// SPDX-License-Identifier: BSD-2-Clause
/* The clock, and the data that detections are explained with. */
#include <errno.h>
#include <libpsl.h>
#include <libloc/database.h>
#include <libloc/libloc.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/timex.h>
#include <time.h>

#include "doctor/checks.h"

#define DAY_S	       86400
#define ASN_OLD_DAYS   180 /* networks change hands: half a year moves a few percent of them */

static void check_clock_source(struct findings *f)
{
	char name[64];

	if (!read_line("/sys/devices/system/clocksource/clocksource0/current_clocksource", name,
		       sizeof(name)))
		finding_add(f, DOCTOR_WARN, "clock", "source unknown");
	else if (strcmp(name, "hpet") == 0 || strcmp(name, "acpi_pm") == 0 ||
		 strcmp(name, "jiffies") == 0)
		finding_remedy(finding_add(f, DOCTOR_WARN, "clock", "%s is slow to read", name),
			       "see `dmesg | grep -i clocksource` for why tsc is not used");
	else
		finding_add(f, DOCTOR_OK, "clock", "%s", name);
}

static void check_time_sync(struct findings *f)
{
	struct timex t = { 0 };
	int state = adjtimex(&t);

	if (state < 0)
		finding_add(f, DOCTOR_WARN, "time", "cannot tell whether it is synchronised: %s",
			    strerror(errno));
	else if (state == TIME_ERROR || (t.status & STA_UNSYNC))
		finding_remedy(finding_add(f, DOCTOR_WARN, "time", "not synchronised"),
			       "install chrony or systemd-timesyncd");
	else
		finding_add(f, DOCTOR_OK, "time", "synchronised, error at most %ld ms",
			    t.maxerror / 1000);
}

/* -1: no database. Else its age in days. */
static long libloc_age_days(void)
{
	struct loc_database *db = NULL;
	struct loc_ctx *ctx = NULL;
	FILE *file;
	long days = -1;

	file = fopen("/var/lib/location/database.db", "re");
	if (!file)
		file = fopen("/usr/share/libloc-location/location.db", "re");
	if (!file)
		return -1;
	if (loc_new(&ctx) == 0 && loc_database_new(ctx, &db, file) == 0)
		days = (long)((time(NULL) - loc_database_created_at(db)) / DAY_S);
	if (db)
		loc_database_unref(db);
	if (ctx)
		loc_unref(ctx);
	fclose(file);
	return days;
}

static void check_libloc(struct findings *f)
{
	long days = libloc_age_days();

	if (days < 0)
		finding_remedy(finding_add(f, DOCTOR_WARN, "asn",
					   "no libloc database: address prefixes stand in"),
			       "apt install libloc-database");
	else if (days > ASN_OLD_DAYS)
		finding_remedy(finding_add(f, DOCTOR_WARN, "asn",
					   "libloc database is %ld days old", days),
			       "location update (package libloc-location or location)");
	else
		finding_add(f, DOCTOR_OK, "asn", "libloc database, %ld days old", days);
}

static void check_asn_file(struct findings *f, const char *source)
{
	const char *path = strchr(source, ':');
	struct stat st;

	if (!path)
		finding_add(f, DOCTOR_FAIL, "asn", "unknown source \"%s\"", source);
	else if (stat(path + 1, &st))
		finding_remedy(finding_add(f, DOCTOR_FAIL, "asn", "%s: %s", path + 1,
					   strerror(errno)),
			       "put the file there or take it out of enrich.asn");
	else
		finding_add(f, DOCTOR_OK, "asn", "%s, %ld days old", source,
			    (long)((time(NULL) - st.st_mtime) / DAY_S));
}

static void check_asn(struct findings *f, const struct doctor_config *cfg)
{
	if (!cfg->asn_sources_len)
		check_libloc(f);
	for (size_t i = 0; i < cfg->asn_sources_len; i++) {
		if (strcmp(cfg->asn_sources[i], "libloc") == 0)
			check_libloc(f);
		else
			check_asn_file(f, cfg->asn_sources[i]);
	}
}

static void check_public_suffixes(struct findings *f)
{
	const char *file = psl_dist_filename();
	struct stat st;
	time_t built_in = psl_builtin_file_time();

	if (file && *file && stat(file, &st) == 0)
		finding_add(f, DOCTOR_OK, "public suffixes", "%s", file);
	else if (built_in > 0)
		finding_add(f, DOCTOR_OK, "public suffixes", "built in, %ld days old",
			    (long)((time(NULL) - built_in) / DAY_S));
	else
		finding_remedy(finding_add(f, DOCTOR_WARN, "public suffixes",
					   "none: the last two labels stand in"),
			       "apt install publicsuffix");
}

void doctor_data(struct findings *f, const struct doctor_config *cfg)
{
	check_clock_source(f);
	check_time_sync(f);
	check_asn(f, cfg);
	check_public_suffixes(f);
}
