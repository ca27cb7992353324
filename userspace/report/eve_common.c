// SPDX-License-Identifier: BSD-2-Clause
#include "report/eve_common.h"

#include <arpa/inet.h>
#include <netinet/in.h>

void eve_begin(struct buf *out, const struct eve_context *ctx, uint64_t time_ns, const char *type)
{
	json_lit(out, "{\"timestamp\":");
	json_time(out, time_ns, ctx->utc_offset_s);
	json_lit(out, "\"event_type\":\"");
	buf_str(out, type);
	json_lit(out, "\",");
	json_member(out, "\"sensor\":", ctx->sensor);
}

static void add_address(struct buf *out, const uint8_t *bytes, bool v4)
{
	if (v4)
		json_ip4(out, bytes + 12);
	else
		json_ip6(out, bytes);
}

void eve_flow(struct buf *out, const struct eve_flow *flow)
{
	json_lit(out, "\"src_ip\":");
	add_address(out, flow->src, flow->v4);
	if (flow->sport) {
		json_lit(out, "\"src_port\":");
		json_u64(out, flow->sport);
	}
	json_lit(out, "\"dest_ip\":");
	add_address(out, flow->dst, flow->v4);
	if (flow->dport) {
		json_lit(out, "\"dest_port\":");
		json_u64(out, flow->dport);
	}
	if (flow->ip_proto == IPPROTO_UDP)
		json_lit(out, "\"proto\":\"UDP\",");
	else if (flow->ip_proto == IPPROTO_TCP)
		json_lit(out, "\"proto\":\"TCP\",");
	if (flow->v4)
		json_lit(out, "\"ip_v\":4,");
	else
		json_lit(out, "\"ip_v\":6,");
}

static void add_vlans(struct buf *out, const struct ft_packet *pkt)
{
	json_lit(out, "\"vlan\":[");
	for (unsigned int i = 0; i < pkt->vlans && i < FT_MAX_VLANS; i++)
		json_u64(out, pkt->vlan[i]);
	json_end(out, ']');
}

static void add_tunnels(struct buf *out, const struct ft_packet *pkt)
{
	json_lit(out, "\"tunnel\":[");
	for (unsigned int i = 0; i < pkt->tunnels && i < FT_MAX_TUNNELS; i++) {
		const char *name = tunnel_name(pkt->tunnel[i]);

		if (name)
			json_string(out, name, strlen(name));
	}
	json_end(out, ']');
}

void eve_capture(struct buf *out, const struct eve_context *ctx)
{
	json_member(out, "\"pcap_filename\":", ctx->pcap_filename);
	if (ctx->pcap_cnt) {
		json_lit(out, "\"pcap_cnt\":");
		json_u64(out, ctx->pcap_cnt);
	}
}

void eve_packet(struct buf *out, const struct eve_context *ctx, const struct ft_packet *pkt)
{
	json_member(out, "\"in_iface\":", ctx->in_iface);
	if (pkt && pkt->vlans)
		add_vlans(out, pkt);
	/* a frame refused below IP has no addresses to show */
	if (pkt && (pkt->ip_version == 4 || pkt->ip_version == 6)) {
		struct eve_flow flow = { .src = pkt->src,
					 .dst = pkt->dst,
					 .sport = ntohs(pkt->sport),
					 .dport = ntohs(pkt->dport),
					 .ip_proto = pkt->ip_proto,
					 .v4 = pkt->ip_version == 4 };

		eve_flow(out, &flow);
	}
	if (pkt && pkt->tunnels)
		add_tunnels(out, pkt);
	eve_capture(out, ctx);
}
