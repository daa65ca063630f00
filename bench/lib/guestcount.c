// SPDX-License-Identifier: GPL-2.0
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "bench/lib/guestcount.h"
#include "bench/lib/histrecord.h"
#include "lab/lib/proc.h"
#include "lab/lib/record.h"

/* As Linux's virtio_net names them. */
#define RX_QUEUES "input"

/* The driver's name of the device: the interrupts of "virtio2" are "virtio2-req.0" and so on. */
static int driver_name(const char *device, char *name, size_t size)
{
	char target[256], *last;
	ssize_t n = readlink(device, target, sizeof(target) - 1);

	if (n <= 0)
		return -1;
	target[n] = 0;
	last = strrchr(target, '/');
	snprintf(name, size, "%.40s-", last ? last + 1 : target);
	return 0;
}

/* " 25:   120   0   PCI-MSIX-0000:00:03.0   1-edge      virtio1-req.0" */
static long long sum_line(char *line)
{
	char *word = strchr(line, ':'), *end;
	long long sum = 0, n;

	for (word = word ? word + 1 : line;; word = end) {
		n = strtoll(word, &end, 10);
		if (end == word || (*end && *end != ' '))
			return sum;
		sum += n;
	}
}

/* So far, of those of the device's queues whose names begin with QUEUES; -1 if there are none. */
static long long interrupts(const char *device, const char *queues)
{
	char name[80], *text = proc_read_file("/proc/interrupts", NULL), *save = NULL;
	long long sum = -1;

	if (text && !driver_name(device, name, sizeof(name))) {
		strncat(name, queues, sizeof(name) - strlen(name) - 1);
		for (char *line = strtok_r(text, "\n", &save); line;
		     line = strtok_r(NULL, "\n", &save))
			if (strstr(line, name) && !strstr(line, "-config"))
				sum = (sum < 0 ? 0 : sum) + sum_line(line);
	}
	free(text);
	return sum;
}

int guestcount_begin(struct guestcount *c, const char *device, int record_fd)
{
	*c = (struct guestcount){ .device = device,
				  .record_fd = record_fd,
				  .irqs = interrupts(device, ""),
				  .rx_irqs = interrupts(device, RX_QUEUES) };
	if (c->irqs < 0)
		return -1;
	record_progress(record_fd, 0, 1, "measuring");
	c->ns = proc_now_ns();
	return 0;
}

void guestcount_end(struct guestcount *c)
{
	c->irqs = interrupts(c->device, "") - c->irqs;
	if (c->rx_irqs >= 0)
		c->rx_irqs = interrupts(c->device, RX_QUEUES) - c->rx_irqs;
	c->ns = proc_now_ns() - c->ns;
	record_progress(c->record_fd, 1, 1, "measured");
}

int guestcount_send(const struct guestcount *c, unsigned long long completed, const struct hist *h)
{
	char answer[200];
	int n;

	n = snprintf(answer, sizeof(answer),
		     "requests %llu\nns %lld\nirqs %lld\nrx_irqs %lld\n", completed, c->ns, c->irqs,
		     c->rx_irqs);
	if (hist_send(c->record_fd, "guest.hist", h))
		return -1;
	return record_data(c->record_fd, "counts.txt", answer, n);
}
