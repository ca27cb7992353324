// SPDX-License-Identifier: BSD-2-Clause
/* The small events: "anomaly" and "churn". */
#include "report/eve_common.h"

#include "dns/text.h"

void eve_anomaly(struct buf *out, const struct eve_context *ctx, uint64_t time_ns,
		 const struct ft_packet *pkt, unsigned int reason)
{
	eve_begin(out, ctx, time_ns, "anomaly");
	eve_packet(out, ctx, pkt);
	json_lit(out, "\"anomaly\":{\"type\":\"decode\",");
	json_member(out, "\"event\":", reason_name(reason));
	json_member(out, "\"layer\":", reason_layer(reason));
	json_end(out, '}');
	json_end_line(out);
}

static void add_addresses(struct buf *out, const struct ip_addr *addrs, size_t n, uint16_t rrtype)
{
	for (size_t i = 0; i < n; i++) {
		/* an AAAA may hold a mapped address and stays one */
		if (rrtype == DNS_TYPE_AAAA)
			json_ip6(out, addrs[i].b);
		else
			json_ip(out, &addrs[i]);
	}
}

static void add_names(struct buf *out, const struct dns_name *names, size_t n)
{
	for (size_t i = 0; i < n; i++)
		json_name(out, &names[i]);
}

void eve_churn(struct buf *out, const struct eve_context *ctx, const struct churn_change *change)
{
	static const char *const kinds[] = {
		[CHURN_FIRST] = "first", [CHURN_CHANGED] = "changed", [CHURN_RETURNED] = "returned"
	};
	char type[16];

	eve_begin(out, ctx, change->time_ns, "churn");
	eve_capture(out, ctx);
	json_lit(out, "\"churn\":{\"rrname\":");
	json_name(out, change->rrname);
	json_member(out, "\"rrtype\":", dns_type_name(change->rrtype, type));
	json_member(out, "\"change\":", kinds[change->kind]);
	json_lit(out, "\"added\":[");
	add_addresses(out, change->added, change->added_len, change->rrtype);
	add_names(out, change->added_names, change->added_names_len);
	json_end(out, ']');
	json_lit(out, "\"removed\":[");
	add_addresses(out, change->removed, change->removed_len, change->rrtype);
	add_names(out, change->removed_names, change->removed_names_len);
	json_end(out, ']');
	json_lit(out, "\"set_size\":");
	json_u64(out, change->set_size);
	json_lit(out, "\"distinct\":");
	json_u64(out, change->distinct);
	json_lit(out, "\"ttl\":");
	json_u64(out, change->ttl_s);
	json_end(out, '}');
	json_end_line(out);
}
