// SPDX-License-Identifier: BSD-2-Clause
#include "correlate/resolvers.h"

#include <errno.h>
#include <netinet/in.h>
#include <stdlib.h>

/* Anycast addresses that their operators publish, as of 2025. */
static const char *const prefixes[] = {
	/* Cloudflare */
	"1.1.1.1",
	"1.0.0.1",
	"1.1.1.2",
	"1.0.0.2",
	"1.1.1.3",
	"1.0.0.3",
	"2606:4700:4700::1111",
	"2606:4700:4700::1001",
	"2606:4700:4700::1112",
	"2606:4700:4700::1002",
	"2606:4700:4700::1113",
	"2606:4700:4700::1003",
	/* Google */
	"8.8.8.8",
	"8.8.4.4",
	"2001:4860:4860::8888",
	"2001:4860:4860::8844",
	/* Quad9 */
	"9.9.9.9",
	"149.112.112.112",
	"9.9.9.10",
	"149.112.112.10",
	"9.9.9.11",
	"149.112.112.11",
	"2620:fe::fe",
	"2620:fe::9",
	"2620:fe::10",
	"2620:fe::11",
	/* OpenDNS */
	"208.67.222.222",
	"208.67.220.220",
	"2620:119:35::35",
	"2620:119:53::53",
	/* AdGuard */
	"94.140.14.14",
	"94.140.15.15",
	"94.140.14.140",
	"94.140.14.141",
	"2a10:50c0::ad1:ff",
	"2a10:50c0::ad2:ff",
	/* NextDNS */
	"45.90.28.0/24",
	"45.90.30.0/24",
	"2a07:a8c0::/33",
	"2a07:a8c1::/33",
	/* Control D */
	"76.76.2.0/24",
	"76.76.10.0/24",
	"2606:1a40::/48",
	"2606:1a40:1::/48",
	/* CleanBrowsing */
	"185.228.168.0/24",
	"185.228.169.0/24",
	/* Mullvad, DNS.SB, dns0.eu */
	"194.242.2.0/24",
	"185.222.222.222",
	"45.11.45.11",
	"193.110.81.0/24",
	"185.253.5.0/24",
	/* AliDNS, DNSPod, Yandex */
	"223.5.5.5",
	"223.6.6.6",
	"2400:3200::1",
	"2400:3200:baba::1",
	"1.12.12.12",
	"120.53.53.53",
	"77.88.8.8",
	"77.88.8.1",
};

static const char *const names[] = {
	"cloudflare-dns.com",
	"one.one.one.one",
	"dns.google",
	"dns.quad9.net",
	"doh.opendns.com",
	"dns.adguard-dns.com",
	"dns.nextdns.io",
	"doh.cleanbrowsing.org",
	"dns.controld.com",
	"freedns.controld.com",
	"dns.mullvad.net",
	"doh.dns.sb",
	"dns0.eu",
	"dns.alidns.com",
	"doh.pub",
	"common.dot.dns.yandex.net",
};

#define COUNT(a) (sizeof(a) / sizeof((a)[0]))

struct resolvers {
	struct ip_prefix prefixes[COUNT(prefixes)];
	struct dns_name names[COUNT(names)];
};

int resolvers_new(struct resolvers **ret)
{
	struct resolvers *r = calloc(1, sizeof(*r));
	int err = r ? 0 : -ENOMEM;

	for (size_t i = 0; i < COUNT(prefixes) && !err; i++)
		err = ip_prefix_parse(prefixes[i], &r->prefixes[i]);
	for (size_t i = 0; i < COUNT(names) && !err; i++)
		err = dns_name_from_text(names[i], &r->names[i]);
	if (err) {
		free(r);
		return err;
	}
	*ret = r;
	return 0;
}

void resolvers_free(struct resolvers *r)
{
	free(r);
}

static bool address_known(const struct resolvers *r, const struct ip_addr *a)
{
	for (size_t i = 0; i < COUNT(prefixes); i++)
		if (ip_prefix_contains(&r->prefixes[i], a))
			return true;
	return false;
}

enum connection_encrypted_dns resolvers_contact(const struct resolvers *r,
						const struct ip_addr *dst, uint16_t dport,
						uint8_t proto)
{
	if (dport == 853)
		return proto == IPPROTO_UDP ? CONNECTION_DNS_QUIC : CONNECTION_DNS_TLS;
	if (dport == 443 && address_known(r, dst))
		return CONNECTION_DNS_HTTPS;
	return CONNECTION_DNS_NONE;
}

bool resolvers_name_known(const struct resolvers *r, const struct dns_name *name)
{
	for (size_t i = 0; i < COUNT(names); i++)
		if (dns_name_within(name, &r->names[i]))
			return true;
	return false;
}
