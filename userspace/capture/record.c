// SPDX-License-Identifier: BSD-2-Clause
/* The one place where a record's size, kind and version are checked, and the ledger's names. */
#include "capture/record.h"

static bool payload_fits(const struct ft_event_hdr *hdr, size_t head, size_t payload)
{
	return hdr->size >= head && payload <= hdr->size - head;
}

static bool response_valid(const struct ft_response *r)
{
	return payload_fits(&r->hdr, sizeof(*r), 0) &&
	       payload_fits(&r->hdr, sizeof(*r), r->message_bytes);
}

static bool fragment_valid(const struct ft_fragment *f)
{
	return payload_fits(&f->hdr, sizeof(*f), 0) &&
	       payload_fits(&f->hdr, sizeof(*f), f->payload_bytes);
}

static bool segment_valid(const struct ft_segment *s)
{
	return payload_fits(&s->hdr, sizeof(*s), 0) &&
	       payload_fits(&s->hdr, sizeof(*s), s->payload_bytes);
}

static bool packet_valid(const struct ft_packet *p)
{
	return p->vlans <= FT_MAX_VLANS && p->tunnels <= FT_MAX_TUNNELS;
}

bool record_valid(const void *rec, size_t bytes)
{
	const struct ft_event_hdr *hdr = rec;

	if (bytes < sizeof(*hdr) || hdr->version != FT_EVENT_VERSION || hdr->size > bytes ||
	    hdr->size < sizeof(*hdr) + sizeof(struct ft_packet) ||
	    !packet_valid((const struct ft_packet *)(hdr + 1)))
		return false;
	switch (hdr->kind) {
	case FT_EVENT_RESPONSE:
		return response_valid(rec);
	case FT_EVENT_FRAGMENT:
		return fragment_valid(rec);
	case FT_EVENT_SEGMENT:
	case FT_EVENT_DHCP:
		return segment_valid(rec);
	case FT_EVENT_REFUSED:
		return hdr->size >= sizeof(struct ft_refused) &&
		       reason_name(((const struct ft_refused *)rec)->reason);
	case FT_EVENT_FLOW:
		return hdr->size >= sizeof(struct ft_flow);
	}
	return false;
}

const char *reason_name(unsigned int reason)
{
	static const char *const names[FT_COUNTER_MAX] = {[FT_REASON_NONE] = "none",
#define AS_NAME(upper, lower) [FT_REASON_##upper] = #lower,
							  FT_REASONS(AS_NAME)
#undef AS_NAME
	};

	return reason < FT_COUNTER_MAX ? names[reason] : NULL;
}

const char *stage_name(unsigned int stage)
{
	static const char *const names[FT_STAGE_MAX] = {
#define AS_NAME(upper, lower) [FT_STAGE_##upper] = #lower,
		FT_STAGES(AS_NAME)
#undef AS_NAME
	};

	return stage < FT_STAGE_MAX ? names[stage] : NULL;
}

const char *reason_layer(unsigned int reason)
{
	switch (reason) {
	case FT_REASON_SHORT_L2:
	case FT_REASON_VLAN_TOO_DEEP:
		return "ethernet";
	case FT_REASON_BAD_IP_HEADER:
	case FT_REASON_FRAGMENT_LATER:
	case FT_REASON_FRAGMENT_FIRST_INCOMPLETE:
	case FT_REASON_IPV6_EXT_TOO_DEEP:
	case FT_REASON_FRAGMENT_OVERLAP:
	case FT_REASON_FRAGMENT_TIMEOUT:
	case FT_REASON_FRAGMENT_LIMIT:
		return "ip";
	case FT_REASON_TUNNEL_TOO_DEEP:
	case FT_REASON_BAD_TUNNEL_HEADER:
		return "tunnel";
	case FT_REASON_BAD_UDP_LENGTH:
		return "udp";
	case FT_REASON_BAD_TCP_HEADER:
	case FT_REASON_TCP_GAP:
	case FT_REASON_TCP_LIMIT:
		return "tcp";
	case FT_REASON_TRUNCATED_CAPTURE:
	case FT_REASON_UNKNOWN_LINK_TYPE:
	case FT_REASON_BAD_EVENT:
		return "capture";
	}
	return reason_name(reason) ? "dns" : NULL;
}

const char *tunnel_name(unsigned int tunnel)
{
	static const char *const names[] = {
		[FT_TUNNEL_PPPOE] = "pppoe",   [FT_TUNNEL_MPLS] = "mpls",
		[FT_TUNNEL_GRE] = "gre",       [FT_TUNNEL_IPIP] = "ipip",
		[FT_TUNNEL_IP6IP] = "ip6ip",   [FT_TUNNEL_VXLAN] = "vxlan",
		[FT_TUNNEL_GENEVE] = "geneve", [FT_TUNNEL_GTPU] = "gtpu",
		[FT_TUNNEL_ERSPAN] = "erspan", [FT_TUNNEL_TEREDO] = "teredo",
	};

	return tunnel < sizeof(names) / sizeof(names[0]) ? names[tunnel] : NULL;
}
