// SPDX-License-Identifier: BSD-2-Clause
/* Two octets of offset, then a message: the name there, as text and back. */
#include <stdlib.h>
#include "dns/name.h"
#include "dns/psl.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct dns_name name, again, registered;
	char text[DNS_NAME_TEXT_MAX];
	size_t pos, end, same;

	if (size < 2)
		return 0;
	pos = same = (size_t)(data[0] << 8 | data[1]) % size;
	if (dns_name_parse(data + 2, size - 2, &pos, &name))
		return 0;
	if (dns_name_parse(data + 2, size - 2, &same, NULL) || pos != same || pos > size - 2)
		abort();
	end = dns_name_format(&name, text);
	if (end >= sizeof(text) || text[end] || dns_name_from_text(text, &again) ||
	    !dns_name_equal(&name, &again))
		abort();
	dns_registered_domain(&name, &registered);
	again = dns_name_parent(&name, dns_name_labels(&name) - dns_name_labels(&registered));
	if (!dns_name_within(&name, &registered) || !dns_name_equal(&again, &registered))
		abort();
	return 0;
}
