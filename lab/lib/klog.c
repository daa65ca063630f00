// SPDX-License-Identifier: GPL-2.0
#include <ctype.h>
#include <stdlib.h>
#include <string.h>

#include "lab/lib/klog.h"
#include "lab/lib/proc.h"

/*
 * Each entry is the text with which one kind of report begins, after the time stamp. Not in the
 * list on purpose: "sched: RT throttling activated" (the static mode provokes it) and "Marking
 * clocksource 'tsc' as unstable" (TCG).
 */
static const char *const reports[] = {
	"Kernel panic",
	"Oops",
	"BUG:",
	"kernel BUG at",
	"WARNING:",
	"------------[ cut here ]------------",
	"general protection fault",
	"Unable to handle kernel",
	"stack segment",
	"double fault",
	"divide error",
	"INFO: possible recursive locking",
	"INFO: possible circular locking",
	"INFO: possible irq lock inversion",
	"INFO: inconsistent lock state",
	"INFO: suspicious RCU",
	"INFO: trying to register non-static key",
	"INFO: task ",
	"INFO: rcu",
	"rcu: INFO:",
	"UBSAN:",
	"refcount_t:",
	"unregister_netdevice: waiting",
	"unchecked MSR access error",
	"Out of memory:",
	"Kernel Offset:",
	"NMI watchdog: Watchdog detected hard LOCKUP",
	"watchdog: BUG",
	"watchdog: Watchdog detected hard LOCKUP",
	"list_add corruption",
	"list_del corruption",
	"usercopy:",
	"new suspected memory leaks",
};

/* "<4>[    1.234567] [   T12] text" -> "text" */
static const char *skip_prefix(const char *line)
{
	if (*line == '<' && isdigit((unsigned char)line[1])) {
		const char *end = strchr(line, '>');

		line = end ? end + 1 : line;
	}
	while (*line == '[') {
		const char *end = strchr(line, ']');

		if (!end)
			break;
		line = end + 1 + strspn(end + 1, " ");
	}
	return line;
}

bool klog_line_is_bad(const char *line)
{
	const char *text = skip_prefix(line);

	for (size_t i = 0; i < sizeof(reports) / sizeof(reports[0]); i++)
		if (!strncmp(text, reports[i], strlen(reports[i])))
			return true;
	return false;
}

int klog_scan(const char *path, FILE *out, int max, struct klog_hit *hit)
{
	char *text = proc_read_file(path, NULL);
	int number = 0, found = 0;

	if (!text)
		return -1;
	for (char *line = text, *end; *line; line = end) {
		end = line + strcspn(line, "\r\n");
		if (*end == '\r')
			*end++ = 0;
		if (*end)
			*end++ = 0;
		number++;
		if (!klog_line_is_bad(line))
			continue;
		/* The cut line only announces the report whose text follows. */
		if (strstr(line, "[ cut here ]") && klog_line_is_bad(end))
			continue;
		if (found++ < max)
			fprintf(out, "    %s:%d: %s\n", path, number, line);
		if (found == 1) {
			hit->line = number;
			snprintf(hit->text, sizeof(hit->text), "%s", skip_prefix(line));
		}
	}
	free(text);
	return found;
}

void klog_tail(const char *path, FILE *out, int lines)
{
	size_t size = 0;
	char *text = proc_read_file(path, &size);
	char *from;

	if (!text || !size) {
		fprintf(out, "    (%s is empty)\n", path);
		free(text);
		return;
	}
	from = text + size;
	if (from[-1] == '\n')
		from--;
	while (from > text && (from[-1] != '\n' || --lines > 0))
		from--;
	fprintf(out, "    last lines of %s:\n    | ", path);
	for (; *from; from++) {
		if (*from == '\n')
			fprintf(out, from[1] ? "\n    | " : "");
		else if (isprint((unsigned char)*from) || *from == '\t')
			fputc(*from, out);
	}
	fputc('\n', out);
	free(text);
}
