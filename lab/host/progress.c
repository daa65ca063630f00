// SPDX-License-Identifier: GPL-2.0
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "lab/host/lab.h"
#include "lab/lib/proc.h"

void progress_init(struct progress *p, bool quiet)
{
	memset(p, 0, sizeof(*p));
	p->tty = isatty(STDERR_FILENO);
	p->quiet = quiet;
	p->start_ns = proc_now_ns();
}

static int columns(void)
{
	struct winsize ws;

	return ioctl(STDERR_FILENO, TIOCGWINSZ, &ws) || ws.ws_col < 20 ? 80 : ws.ws_col;
}

static void format(const struct progress *p, char *line, size_t size)
{
	long sec = (proc_now_ns() - p->start_ns) / 1000000000;
	int n = snprintf(line, size, "coop: lab: %s", p->text);

	if (p->total > 0 && n < (int)size)
		n += snprintf(line + n, size - n, " [%ld/%ld]", p->done, p->total);
	if (n < (int)size)
		n += snprintf(line + n, size - n, " %ld:%02ld elapsed", sec / 60, sec % 60);
	if (p->expected && n < (int)size)
		snprintf(line + n, size - n, " of about %ld:%02ld", p->expected / 60,
			 p->expected % 60);
}

void progress_tick(struct progress *p)
{
	char line[512];

	if (p->quiet || !p->tty)
		return;
	format(p, line, sizeof(line));
	fprintf(stderr, "\r\033[K%.*s", columns() - 1, line);
	fflush(stderr);
	p->shown = true;
}

void progress_set(struct progress *p, long done, long total, const char *text)
{
	char line[512];

	p->done = done;
	p->total = total;
	snprintf(p->text, sizeof(p->text), "%s", text);
	if (p->quiet)
		return;
	if (p->tty) {
		progress_tick(p);
		return;
	}
	format(p, line, sizeof(line));
	fprintf(stderr, "%s\n", line);
}

void progress_clear(struct progress *p)
{
	if (p->shown)
		fputs("\r\033[K", stderr);
	p->shown = false;
}
