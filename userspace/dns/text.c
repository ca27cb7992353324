// SPDX-License-Identifier: BSD-2-Clause
/* Mnemonics of the IANA registry "Domain Name System (DNS) Parameters". */
#include "dns/text.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <strings.h>

struct mnemonic {
	uint16_t value;
	const char *text;
};

#define TYPES_DENSE 110 /* the common types; looked up by index */

static const char *const types[TYPES_DENSE] = {
	[1] = "A",	   [2] = "NS",	    [3] = "MD",		 [4] = "MF",
	[5] = "CNAME",	   [6] = "SOA",	    [7] = "MB",		 [8] = "MG",
	[9] = "MR",	   [10] = "NULL",   [11] = "WKS",	 [12] = "PTR",
	[13] = "HINFO",	   [14] = "MINFO",  [15] = "MX",	 [16] = "TXT",
	[17] = "RP",	   [18] = "AFSDB",  [19] = "X25",	 [20] = "ISDN",
	[21] = "RT",	   [22] = "NSAP",   [23] = "NSAP-PTR",	 [24] = "SIG",
	[25] = "KEY",	   [26] = "PX",	    [27] = "GPOS",	 [28] = "AAAA",
	[29] = "LOC",	   [30] = "NXT",    [31] = "EID",	 [32] = "NIMLOC",
	[33] = "SRV",	   [34] = "ATMA",   [35] = "NAPTR",	 [36] = "KX",
	[37] = "CERT",	   [38] = "A6",	    [39] = "DNAME",	 [40] = "SINK",
	[41] = "OPT",	   [42] = "APL",    [43] = "DS",	 [44] = "SSHFP",
	[45] = "IPSECKEY", [46] = "RRSIG",  [47] = "NSEC",	 [48] = "DNSKEY",
	[49] = "DHCID",	   [50] = "NSEC3",  [51] = "NSEC3PARAM", [52] = "TLSA",
	[53] = "SMIMEA",   [55] = "HIP",    [56] = "NINFO",	 [57] = "RKEY",
	[58] = "TALINK",   [59] = "CDS",    [60] = "CDNSKEY",	 [61] = "OPENPGPKEY",
	[62] = "CSYNC",	   [63] = "ZONEMD", [64] = "SVCB",	 [65] = "HTTPS",
	[66] = "DSYNC",	   [67] = "HHIT",   [68] = "BRID",	 [99] = "SPF",
	[100] = "UINFO",   [101] = "UID",   [102] = "GID",	 [103] = "UNSPEC",
	[104] = "NID",	   [105] = "L32",   [106] = "L64",	 [107] = "LP",
	[108] = "EUI48",   [109] = "EUI64",
};

static const struct mnemonic types_sparse[] = {
	{ 128, "NXNAME" },   { 249, "TKEY" },	 { 250, "TSIG" },   { 251, "IXFR" },
	{ 252, "AXFR" },     { 253, "MAILB" },	 { 254, "MAILA" },  { 255, "ANY" },
	{ 256, "URI" },	     { 257, "CAA" },	 { 258, "AVC" },    { 259, "DOA" },
	{ 260, "AMTRELAY" }, { 261, "RESINFO" }, { 262, "WALLET" }, { 263, "CLA" },
	{ 264, "IPN" },	     { 32768, "TA" },	 { 32769, "DLV" },
};

static const struct mnemonic classes[] = {
	{ 1, "IN" }, { 3, "CH" }, { 4, "HS" }, { 254, "NONE" }, { 255, "ANY" },
};

static const struct mnemonic rcodes[] = {
	{ 0, "NOERROR" },  { 1, "FORMERR" }, { 2, "SERVFAIL" },	 { 3, "NXDOMAIN" },
	{ 4, "NOTIMP" },   { 5, "REFUSED" }, { 6, "YXDOMAIN" },	 { 7, "YXRRSET" },
	{ 8, "NXRRSET" },  { 9, "NOTAUTH" }, { 10, "NOTZONE" },	 { 11, "DSOTYPENI" },
	{ 16, "BADVERS" }, { 17, "BADKEY" }, { 18, "BADTIME" },	 { 19, "BADMODE" },
	{ 20, "BADNAME" }, { 21, "BADALG" }, { 22, "BADTRUNC" },
};

#define LEN(a) (sizeof(a) / sizeof((a)[0]))

static const char *find(const struct mnemonic *m, size_t n, uint16_t value)
{
	for (size_t i = 0; i < n; i++)
		if (m[i].value == value)
			return m[i].text;
	return NULL;
}

static const char *numbered(const char *prefix, uint16_t value, char *buf)
{
	snprintf(buf, 16, "%s%u", prefix, value);
	return buf;
}

const char *dns_type_name(uint16_t type, char *buf)
{
	const char *text =
		type < TYPES_DENSE ? types[type] : find(types_sparse, LEN(types_sparse), type);

	return text ? text : numbered("TYPE", type, buf);
}

const char *dns_class_name(uint16_t class_, char *buf)
{
	const char *text = find(classes, LEN(classes), class_);

	return text ? text : numbered("CLASS", class_, buf);
}

const char *dns_rcode_name(uint16_t rcode, char *buf)
{
	const char *text = find(rcodes, LEN(rcodes), rcode);

	return text ? text : numbered("RCODE", rcode, buf);
}

static int find_text(const struct mnemonic *m, size_t n, const char *text, uint16_t *ret)
{
	for (size_t i = 0; i < n; i++) {
		if (strcasecmp(m[i].text, text) == 0) {
			*ret = m[i].value;
			return 0;
		}
	}
	return -EINVAL;
}

/* "TYPE65280": the prefix and a number of 16 bits (RFC 3597 5). */
static int numbered_text(const char *prefix, const char *text, uint16_t *ret)
{
	size_t n = strlen(prefix);
	unsigned long value;
	char *end;

	if (strncasecmp(text, prefix, n) != 0 || text[n] < '0' || text[n] > '9')
		return -EINVAL;
	value = strtoul(text + n, &end, 10);
	if (*end || value > UINT16_MAX)
		return -EINVAL;
	*ret = (uint16_t)value;
	return 0;
}

int dns_type_from_text(const char *text, uint16_t *ret)
{
	for (uint16_t i = 0; i < TYPES_DENSE; i++) {
		if (types[i] && strcasecmp(types[i], text) == 0) {
			*ret = i;
			return 0;
		}
	}
	if (strcmp(text, "*") == 0)
		text = "ANY";
	if (find_text(types_sparse, LEN(types_sparse), text, ret) == 0)
		return 0;
	return numbered_text("TYPE", text, ret);
}

int dns_rcode_from_text(const char *text, uint16_t *ret)
{
	static const struct mnemonic other[] = { { 16, "BADSIG" }, { 23, "BADCOOKIE" } };

	if (find_text(rcodes, LEN(rcodes), text, ret) == 0 ||
	    find_text(other, LEN(other), text, ret) == 0)
		return 0;
	return numbered_text("RCODE", text, ret);
}
