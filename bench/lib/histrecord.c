// SPDX-License-Identifier: GPL-2.0
#include <errno.h>
#include <stdlib.h>

#include "bench/lib/histrecord.h"

int hist_send(int record_fd, const char *name, const struct hist *h)
{
	char *text = NULL;
	size_t size = 0;
	FILE *f = open_memstream(&text, &size);
	int ret = f ? hist_write(h, f) : -1;

	if (f)
		fclose(f);
	if (!ret)
		ret = record_data(record_fd, name, text, size);
	free(text);
	return ret ? -1 : 0;
}

int hist_receive(struct hist *h, const struct record *rec, char *error, size_t size)
{
	FILE *f = fmemopen((void *)rec->data, rec->size, "r");
	struct hist_error err = { 0 };
	int ret = f ? hist_read(h, f, &err) : -errno;

	if (f)
		fclose(f);
	if (ret)
		snprintf(error, size, "the guest's histogram, line %lu: %s", err.line, err.text);
	return ret ? -1 : 0;
}
