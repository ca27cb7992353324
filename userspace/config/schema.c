// SPDX-License-Identifier: BSD-2-Clause
#include "config/schema.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cyaml/cyaml.h>

#include "config/keys.h"

#define NAME_MAX_LEN 48

struct schema {
	/* each key adds a field, each section a field and a terminator */
	cyaml_schema_field_t *fields;
	char (*names)[NAME_MAX_LEN];
	size_t used, names_used;
	cyaml_schema_value_t top;
};

struct message { /* the first thing libcyaml has to say */
	char *text;
	size_t len;
};

static const cyaml_schema_value_t item = {
	CYAML_VALUE_STRING(CYAML_FLAG_POINTER, char, 0, CYAML_UNLIMITED)};

static void keep_first_error(cyaml_log_t level, void *ctx, const char *fmt, va_list args)
{
	struct message *m = ctx;

	if (level == CYAML_LOG_ERROR && m->len && !*m->text) {
		vsnprintf(m->text, m->len, fmt, args);
		m->text[strcspn(m->text, "\n")] = '\0';
	}
}

static cyaml_config_t settings(struct message *m)
{
	return (cyaml_config_t){
		.log_fn = m ? keep_first_error : NULL,
		.log_ctx = m,
		.mem_fn = cyaml_mem,
		.log_level = CYAML_LOG_ERROR,
		.flags = CYAML_CFG_NO_ALIAS,
	};
}

static void make_leaf(cyaml_schema_field_t *f, size_t index)
{
	uint32_t base = (uint32_t)(index * sizeof(struct raw_value));

	f->value.flags = CYAML_FLAG_OPTIONAL | CYAML_FLAG_POINTER;
	if (config_is_list(&config_keys[index])) {
		f->data_offset = base + (uint32_t)offsetof(struct raw_value, texts);
		f->count_offset = base + (uint32_t)offsetof(struct raw_value, texts_len);
		f->count_size = sizeof(unsigned int);
		f->value.type = CYAML_SEQUENCE;
		f->value.data_size = sizeof(char *);
		f->value.sequence.entry = &item;
		f->value.sequence.max = CYAML_UNLIMITED;
	} else {
		f->data_offset = base + (uint32_t)offsetof(struct raw_value, text);
		f->value.type = CYAML_STRING;
		f->value.data_size = sizeof(char);
		f->value.string.max = CYAML_UNLIMITED;
	}
}

/* Keys from @from on that share their first @prefix octets: how far they go. */
static size_t group_end(size_t from, size_t prefix)
{
	size_t i = from;

	while (i < config_keys_len &&
	       strncmp(config_keys[i].path, config_keys[from].path, prefix) == 0)
		i++;
	return i;
}

static const cyaml_schema_field_t *make_section(struct schema *s, size_t begin, size_t end,
						size_t prefix);

/* The field for the key at @i, or for the section it opens; returns the next key's index. */
static size_t make_field(struct schema *s, cyaml_schema_field_t *f, size_t i, size_t prefix)
{
	const char *name = config_keys[i].path + prefix;
	size_t n = strcspn(name, "."), end;
	char *copy = s->names[s->names_used++];

	snprintf(copy, NAME_MAX_LEN, "%.*s", (int)n, name);
	f->key = copy;
	if (!name[n]) {
		make_leaf(f, i);
		return i + 1;
	}
	end = group_end(i, prefix + n + 1);
	f->value.type = CYAML_MAPPING;
	f->value.flags = CYAML_FLAG_OPTIONAL;
	/* offset 0: keys count theirs from the beginning of the whole array */
	f->value.data_size = (uint32_t)(config_keys_len * sizeof(struct raw_value));
	f->value.mapping.fields = make_section(s, i, end, prefix + n + 1);
	return end;
}

static size_t section_fields(size_t begin, size_t end, size_t prefix)
{
	size_t fields = 0;

	for (size_t i = begin; i < end; fields++) {
		const char *name = config_keys[i].path + prefix;
		size_t n = strcspn(name, ".");

		i = name[n] ? group_end(i, prefix + n + 1) : i + 1;
	}
	return fields;
}

static const cyaml_schema_field_t *make_section(struct schema *s, size_t begin, size_t end,
						size_t prefix)
{
	cyaml_schema_field_t *fields = s->fields + s->used;

	s->used += section_fields(begin, end, prefix) + 1; /* the last stays zero: the end */
	for (size_t i = begin, f = 0; i < end; f++)
		i = make_field(s, &fields[f], i, prefix);
	return fields;
}

static void schema_fini(struct schema *s)
{
	free(s->fields);
	free(s->names);
}

static int schema_init(struct schema *s)
{
	*s = (struct schema){
		.fields = calloc(3 * config_keys_len + 1, sizeof(*s->fields)),
		.names = calloc(2 * config_keys_len, sizeof(*s->names)),
	};
	if (!s->fields || !s->names) {
		schema_fini(s);
		return -ENOMEM;
	}
	s->top = (cyaml_schema_value_t){
		.type = CYAML_MAPPING,
		.flags = CYAML_FLAG_POINTER,
		.data_size = (uint32_t)(config_keys_len * sizeof(struct raw_value)),
		.mapping.fields = make_section(s, 0, config_keys_len, 0),
	};
	return 0;
}

int schema_load(const char *text, size_t len, struct raw_value **ret_raw, char *err, size_t err_len)
{
	struct message message = {err, err_len};
	cyaml_config_t config = settings(&message);
	cyaml_data_t *data = NULL;
	struct schema s;
	cyaml_err_t rc;

	if (err_len)
		*err = '\0';
	if (schema_init(&s))
		return -ENOMEM;
	rc = cyaml_load_data((const uint8_t *)text, len, &config, &s.top, &data, NULL);
	schema_fini(&s);
	if (rc == CYAML_ERR_OOM)
		return -ENOMEM;
	if (rc != CYAML_OK) {
		if (err_len && !*err)
			snprintf(err, err_len, "%s", cyaml_strerror(rc));
		return -EINVAL;
	}
	*ret_raw = data;
	return 0;
}

void schema_free(struct raw_value *raw)
{
	cyaml_config_t config = settings(NULL);
	struct schema s;

	/* without memory for the schema the texts cannot be found: they stay */
	if (!raw || schema_init(&s))
		return;
	cyaml_free(&config, &s.top, raw, 0);
	schema_fini(&s);
}
