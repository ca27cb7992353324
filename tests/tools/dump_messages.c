// SPDX-License-Identifier: BSD-2-Clause
/*
 * dump_messages FILE...        every DNS message that decoder and reassembly find in a capture
 * dump_messages --raw FILE...  each file is one DNS message
 *
 * One JSON object a line, in the shape of the corpora's oracle; last, one with the counters.
 */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <arpa/inet.h>
#include "capture/decode.h"
#include "capture/pcap.h"
#include "capture/reassembly.h"
#include "dns/message.h"
#include "dns/text.h"

struct dump {
	struct reassembly *reassembly;
	struct dns_message message;
	struct dns_arena *arena;
	struct buf text;
	uint64_t frame, messages;
	unsigned int in_frame; /* messages that ended in this frame */
	uint64_t refused[FT_COUNTER_MAX];
};

static void put_quoted(struct buf *out, const char *s, size_t n)
{
	buf_char(out, '"');
	for (size_t i = 0; i < n; i++) {
		if (s[i] == '"' || s[i] == '\\')
			buf_char(out, '\\');
		buf_char(out, s[i]);
	}
	buf_char(out, '"');
}

static void put_name(struct buf *out, const struct dns_message *m, size_t pos)
{
	char text[DNS_NAME_TEXT_MAX];
	struct dns_name name;

	if (dns_name_parse(m->bytes, m->len, &pos, &name))
		abort(); /* the walk accepted it */
	put_quoted(out, text, dns_name_format(&name, text));
}

static void put_records(struct dump *d, const char *key, unsigned int section)
{
	const struct dns_message *m = &d->message;
	struct buf rdata = { 0 };
	const char *comma = "";
	char type[16];

	buf_printf(&d->text, ",\"%s\":[", key);
	for (size_t i = 0; i < m->rrs_len; i++) {
		const struct dns_rr *rr = &m->rrs[i];

		if (rr->section != section ||
		    (rr->type != 1 && rr->type != 2 && rr->type != 5 && rr->type != 28))
			continue;
		buf_printf(&d->text, "%s{\"owner\":", comma);
		put_name(&d->text, m, rr->owner);
		buf_printf(&d->text, ",\"type\":\"%s\",\"class\":%u,\"ttl\":%" PRIu32 ",\"data\":",
			   dns_type_name(rr->type, type), rr->class_, rr->ttl);
		buf_reset(&rdata);
		if (dns_rdata_format(m, rr, &rdata)) /* UPDATE has records without rdata */
			put_quoted(&d->text, rdata.bytes, rdata.len);
		else
			buf_str(&d->text, "null");
		buf_char(&d->text, '}');
		comma = ",";
	}
	buf_char(&d->text, ']');
	buf_fini(&rdata);
}

static void put_header(struct dump *d)
{
	const struct dns_message *m = &d->message;
	unsigned int f = m->flags;

	buf_printf(&d->text,
		   "\"id\":%u,\"qr\":%u,\"opcode\":%u,\"aa\":%u,\"tc\":%u,\"rd\":%u,\"ra\":%u,"
		   "\"rcode\":%u,\"counts\":[%u,%u,%u,%u],\"rrs\":[%u,%u,%u],\"len\":%zu,"
		   "\"trailing\":%zu,\"status\":\"%s\"",
		   m->id, f >> 15, m->opcode, f >> 10 & 1, f >> 9 & 1, f >> 8 & 1, f >> 7 & 1,
		   f & 15, m->counts[0], m->counts[1], m->counts[2], m->counts[3], m->read[0],
		   m->read[1], m->read[2], m->len, m->trailing, reason_name(m->status));
}

static void put_questions(struct dump *d)
{
	const struct dns_message *m = &d->message;

	for (size_t i = 0; i < m->questions_len; i++) {
		const struct dns_question *q = &m->questions[i];

		buf_str(&d->text, i == 0   ? ",\"qname\":"
				  : i == 1 ? ",\"more_questions\":[["
					   : ",[");
		put_name(&d->text, m, q->name);
		if (i == 0)
			buf_printf(&d->text, ",\"qtype\":%u,\"qclass\":%u", q->type, q->class_);
		else
			buf_printf(&d->text, ",%u,%u]", q->type, q->class_);
	}
	if (m->questions_len > 1)
		buf_char(&d->text, ']');
}

static void put_edns(struct dump *d)
{
	struct dns_edns e;
	char text[IP_TEXT_MAX];

	if (!dns_message_edns(&d->message, &e))
		return;
	buf_printf(&d->text, ",\"edns\":{\"udp\":%u,\"ext_rcode\":%u,\"version\":%u,\"do\":%u",
		   e.udp_size, e.ext_rcode, e.version, e.dnssec_ok);
	if (e.has_ecs)
		buf_printf(&d->text, ",\"ecs\":\"%s/%u/%u\"", ip_format(&e.ecs_addr, text),
			   e.ecs_source, e.ecs_scope);
	buf_char(&d->text, '}');
}

static void put_packet(struct dump *d, const struct ft_packet *p)
{
	struct ip_addr src = ip_from_v6(p->src), dst = ip_from_v6(p->dst);
	char a[IP_TEXT_MAX], b[IP_TEXT_MAX];

	buf_printf(&d->text,
		   ",\"src\":\"%s\",\"dst\":\"%s\",\"sport\":%u,\"dport\":%u,\"ipver\":%u,"
		   "\"proto\":\"%s\",\"vlan\":[",
		   ip_format(&src, a), ip_format(&dst, b), ntohs(p->sport), ntohs(p->dport),
		   p->ip_version, p->ip_proto == 6 ? "tcp" : "udp");
	for (unsigned int i = 0; i < p->vlans; i++)
		buf_printf(&d->text, "%s%u", i ? "," : "", p->vlan[i]);
	buf_str(&d->text, "],\"tunnel\":[");
	for (unsigned int i = 0; i < p->tunnels; i++)
		buf_printf(&d->text, "%s\"%s\"", i ? "," : "", tunnel_name(p->tunnel[i]));
	buf_char(&d->text, ']');
}

static void parse(struct dump *d, const uint8_t *bytes, size_t len)
{
	struct dns_observation o;

	if (dns_message_parse(&d->message, bytes, len) == -ENOMEM ||
	    dns_message_observe(&d->message, d->arena, &o))
		exit(1);
	put_header(d);
	put_questions(d);
	put_records(d, "an", DNS_ANSWER);
	put_records(d, "ns", DNS_AUTHORITY);
	put_records(d, "ar", DNS_ADDITIONAL);
	put_edns(d);
}

static void flush_line(struct dump *d)
{
	buf_str(&d->text, "}\n");
	if (d->text.failed)
		exit(1);
	fwrite(d->text.bytes, 1, d->text.len, stdout);
	buf_reset(&d->text);
}

static void on_message(void *ctx, const struct message_unit *unit)
{
	struct dump *d = ctx;

	d->messages++;
	buf_printf(&d->text,
		   "{\"frame\":%" PRIu64 ",\"msg\":%u,\"time_ns\":%" PRIu64 ",\"via\":\"%s\",",
		   d->frame, d->in_frame++, unit->time_ns,
		   unit->response	      ? "datagram"
		   : unit->pkt->ip_proto == 6 ? "stream"
					      : "fragments");
	parse(d, unit->bytes, unit->len);
	put_packet(d, unit->pkt);
	flush_line(d);
}

static void on_refused(void *ctx, uint64_t time_ns, const struct ft_packet *pkt,
		       unsigned int reason)
{
	struct dump *d = ctx;

	(void)time_ns;
	(void)pkt;
	d->refused[reason]++;
}

static void on_record(void *ctx, const struct ft_event_hdr *rec)
{
	struct dump *d = ctx;

	if (!record_valid(rec, rec->size))
		abort();
	reassembly_feed(d->reassembly, rec);
}

static void put_counters(struct dump *d, const uint64_t *decoder)
{
	const char *comma = "";

	buf_printf(&d->text,
		   "{\"frames\":%" PRIu64 ",\"messages\":%" PRIu64 ",\"seen\":%" PRIu64
		   ",\"not_dns\":%" PRIu64 ",\"query\":%" PRIu64 ",\"response\":%" PRIu64
		   ",\"emitted\":%" PRIu64 ",\"refused\":{",
		   d->frame, d->messages, decoder[FT_STAGE_SEEN], decoder[FT_STAGE_NOT_DNS],
		   decoder[FT_STAGE_QUERY], decoder[FT_STAGE_RESPONSE], decoder[FT_STAGE_EMITTED]);
	for (unsigned int i = FT_REASON_NONE + 1; i < FT_COUNTER_MAX; i++) {
		if (!decoder[i] && !d->refused[i])
			continue;
		buf_printf(&d->text, "%s\"%s\":%" PRIu64, comma, reason_name(i),
			   decoder[i] + d->refused[i]);
		comma = ",";
	}
	buf_char(&d->text, '}');
	flush_line(d);
}

static int dump_capture(struct dump *d, const char *path)
{
	const struct reassembly_ops ops = { .message = on_message, .refused = on_refused };
	struct reassembly_config rcfg = reassembly_config_default();
	struct decode_config dcfg = { .ports = { 53 }, .ports_len = 1 };
	struct decoder *decoder;
	struct pcap_reader *reader;
	struct frame f;
	char err[300];
	int rc;

	if (pcap_reader_open(path, &reader, err, sizeof(err))) {
		fprintf(stderr, "%s\n", err);
		return 1;
	}
	rcfg.key = hash_key_fixed;
	if (decoder_new(&dcfg, &decoder) || reassembly_new(&rcfg, &ops, d, &d->reassembly))
		return 1;
	d->frame = d->messages = 0;
	memset(d->refused, 0, sizeof(d->refused));
	while ((rc = pcap_reader_next(reader, &f)) == 1) {
		d->frame++;
		d->in_frame = 0;
		decoder_frame(decoder, &f, on_record, d);
		reassembly_tick(d->reassembly, f.time_ns);
	}
	reassembly_tick(d->reassembly, UINT64_MAX);
	put_counters(d, decoder_counters(decoder));
	if (rc < 0)
		fprintf(stderr, "%s\n", pcap_reader_error(reader));
	reassembly_free(d->reassembly);
	decoder_free(decoder);
	pcap_reader_close(reader);
	return rc < 0;
}

static int dump_raw(struct dump *d, const char *path)
{
	static uint8_t bytes[65536];
	const char *slash = strrchr(path, '/');
	FILE *f = fopen(path, "rb");
	size_t n;

	if (!f) {
		perror(path);
		return 1;
	}
	n = fread(bytes, 1, sizeof(bytes), f);
	fclose(f);
	buf_printf(&d->text, "{\"file\":\"%s\",", slash ? slash + 1 : path);
	parse(d, bytes, n);
	flush_line(d);
	return 0;
}

int main(int argc, char **argv)
{
	struct dump d = { 0 };
	bool raw = argc > 1 && strcmp(argv[1], "--raw") == 0;
	int failed = 0;

	if (argc < 2 + raw) {
		fprintf(stderr, "usage: %s [--raw] FILE...\n", argv[0]);
		return 2;
	}
	dns_message_init(&d.message);
	if (dns_arena_new(&d.arena))
		return 1;
	for (int i = 1 + raw; i < argc; i++)
		failed |= raw ? dump_raw(&d, argv[i]) : dump_capture(&d, argv[i]);
	dns_arena_free(d.arena);
	dns_message_fini(&d.message);
	buf_fini(&d.text);
	return failed;
}
