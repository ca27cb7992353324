/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * One line that another machine or tool reported: ECS JSON (Winlogbeat with Sysmon events 3 and
 * 22, firewalls), osquery results (socket_events, process_open_sockets), Zeek conn.log as JSON.
 * Nested objects and dotted keys are the same.  What is not understood is refused with a reason.
 */
#ifndef CORRELATE_FOREIGN_EVENT_H
#define CORRELATE_FOREIGN_EVENT_H

#include <stddef.h>
#include <stdint.h>

#include "correlate/connection.h"
#include "dns/observation.h"

#define FOREIGN_REASONS(X)                                                          \
	X(NOT_JSON, not_json)		  /* no JSON object, or one that breaks off */ \
	X(TOO_LONG, too_long)		  /* a line beyond FOREIGN_LINE_MAX */        \
	X(OTHER_EVENT, other_event)	  /* neither a connection nor an answer */    \
	X(INBOUND, inbound)		  /* a connection that was accepted */        \
	X(NO_ADDRESS, no_address)	  /* no destination, or no answer's address */ \
	X(BAD_ADDRESS, bad_address)                                                 \
	X(BAD_PORT, bad_port)                                                       \
	X(BAD_PROTOCOL, bad_protocol)	  /* neither TCP nor UDP */                   \
	X(BAD_NAME, bad_name)                                                       \
	X(BAD_TIME, bad_time)		  /* none, or more than a day in the future */

enum foreign_reason {
	FOREIGN_OK = 0,
#define FOREIGN_AS_ENUM(upper, lower) FOREIGN_##upper,
	FOREIGN_REASONS(FOREIGN_AS_ENUM)
#undef FOREIGN_AS_ENUM
	FOREIGN_REASON_MAX
};

const char *foreign_reason_name(enum foreign_reason reason); /* "not_json", …; NULL: none */

#define FOREIGN_LINE_MAX    65536
#define FOREIGN_TEXT_MAX    512
#define FOREIGN_ANSWERS_MAX 16

/* Room for what a line said; what the results below borrow from. */
struct foreign_event {
	bool is_answer; /* else a connection */
	struct connection conn;
	struct dns_observation obs;
	/* owned */
	struct dns_name name;
	struct dns_obs_record records[FOREIGN_ANSWERS_MAX];
	char exe[FOREIGN_TEXT_MAX], comm[FOREIGN_TEXT_MAX], cmdline[FOREIGN_TEXT_MAX];
	char user[FOREIGN_TEXT_MAX];
};

/*
 * Parse @line, @len bytes without its end. FOREIGN_OK: ev->conn (source CONNECTION_FOREIGN, or
 * CONNECTION_LOG for Zeek), or ev->obs when ev->is_answer, borrowing from @ev. @now_ns: Unix time,
 * for telling times that cannot be. A connection that was accepted is no contact of that machine.
 */
enum foreign_reason foreign_event_parse(struct foreign_event *ev, const char *line, size_t len,
					uint64_t now_ns);

#endif
