// SPDX-License-Identifier: GPL-2.0
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "bench/lib/guestanswer.h"
#include "lab/lib/proc.h"
#include "lab/lib/record.h"

#define MODULE_STATS "/sys/kernel/debug/kvm_coop_guest/stats"

int guest_answer_send(int record_fd, const char *fmt, ...)
{
	char *stats = proc_read_file(MODULE_STATS, NULL), *own = NULL, *text = NULL;
	int size, ret = -1;
	va_list ap;

	va_start(ap, fmt);
	if (vasprintf(&own, fmt, ap) < 0)
		own = NULL;
	va_end(ap);
	size = own ? asprintf(&text, "%s%s", own, stats ? stats : "") : -1;
	if (size >= 0)
		ret = record_data(record_fd, GUEST_ANSWER, text, size);
	else
		text = NULL;
	free(text);
	free(own);
	free(stats);
	return ret;
}

long long guest_answer_counter(const char *text, const char *name)
{
	size_t length = strlen(name);
	long long sum = 0;

	for (const char *p = strstr(text, name); p; p = strstr(p + length, name))
		if (p > text && p[-1] == ' ' && p[length] == ' ')
			sum += atoll(p + length + 1);
	return sum;
}
