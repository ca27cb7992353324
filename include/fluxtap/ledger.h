/* SPDX-License-Identifier: (BSD-2-Clause OR GPL-2.0-only) */
/*
 * The outcomes of a frame, by name: one list for the kernel programs, the daemon,
 * the ledger in `stats` and the anomaly events.  Append only; never renumber.
 *
 * Kernel stage (one counter each, per CPU, in ft_counters):
 *   seen     = not_dns + query + response
 *   response = emitted + repeat + ring_full + shed + folded + sum(refused by reason)
 * `response` counts every frame that is, or cannot be excluded to be, (part of) a
 * DNS response: a frame with a broken IP header counts here and as refused.
 */
#ifndef FLUXTAP_LEDGER_H
#define FLUXTAP_LEDGER_H

#define FT_STAGES(X)             \
	X(SEEN, seen)            \
	X(NOT_DNS, not_dns)      \
	X(QUERY, query)          \
	X(RESPONSE, response)    \
	X(EMITTED, emitted)      \
	X(REPEAT, repeat)        \
	X(RING_FULL, ring_full)  \
	X(SHED, shed)            \
	X(FOLDED, folded)

/* Why a packet or message was refused, in the kernel or in user space. */
#define FT_REASONS(X)                                             \
	X(SHORT_L2, short_l2)                                     \
	X(VLAN_TOO_DEEP, vlan_too_deep)                           \
	X(BAD_IP_HEADER, bad_ip_header)                           \
	X(FRAGMENT_LATER, fragment_later)                         \
	X(FRAGMENT_FIRST_INCOMPLETE, fragment_first_incomplete)   \
	X(IPV6_EXT_TOO_DEEP, ipv6_ext_too_deep)                   \
	X(TUNNEL_TOO_DEEP, tunnel_too_deep)                       \
	X(BAD_TUNNEL_HEADER, bad_tunnel_header)                   \
	X(BAD_UDP_LENGTH, bad_udp_length)                         \
	X(BAD_TCP_HEADER, bad_tcp_header)                         \
	X(SHORT_DNS, short_dns)                                   \
	X(BAD_QUESTION, bad_question)                             \
	X(BAD_NAME, bad_name)                                     \
	X(SHORT_RECORD, short_record)                             \
	X(BAD_RDATA, bad_rdata)                                   \
	X(TOO_MANY_RECORDS, too_many_records)                     \
	X(MESSAGE_TOO_LARGE, message_too_large)                   \
	X(MALFORMED_RATE, malformed_rate)                         \
	X(TRUNCATED_CAPTURE, truncated_capture)                   \
	X(UNKNOWN_LINK_TYPE, unknown_link_type)                   \
	X(FRAGMENT_OVERLAP, fragment_overlap)                     \
	X(FRAGMENT_TIMEOUT, fragment_timeout)                     \
	X(FRAGMENT_LIMIT, fragment_limit)                         \
	X(TCP_GAP, tcp_gap)                                       \
	X(TCP_LIMIT, tcp_limit)                                   \
	X(BAD_EVENT, bad_event)

enum ft_counter {
#define FT_AS_ENUM(upper, lower) FT_STAGE_##upper,
	FT_STAGES(FT_AS_ENUM)
#undef FT_AS_ENUM
	FT_STAGE_MAX,
	/* reasons follow the stages in the same counter array */
	FT_REASON_NONE = 16,
#define FT_AS_ENUM(upper, lower) FT_REASON_##upper,
	FT_REASONS(FT_AS_ENUM)
#undef FT_AS_ENUM
	FT_COUNTER_MAX
};

#endif
