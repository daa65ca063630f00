// SPDX-License-Identifier: GPL-2.0
#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "lab/lib/proc.h"
#include "tests/programs/stress/guest/stress.h"

#define BLOCK "/sys/block"
#define POLL_MS 50

static char *read_attribute(const char *disk, const char *name)
{
	char path[300];

	snprintf(path, sizeof(path), BLOCK "/%.30s/%s", disk, name);
	return proc_read_file(path, NULL);
}

static bool has_serial(const char *disk, const char *serial)
{
	char *text = read_attribute(disk, "serial");
	bool ret = text && !strncmp(text, serial, strlen(serial));

	free(text);
	return ret;
}

bool disk_find(const char *serial, struct disk *d)
{
	DIR *dir = opendir(BLOCK);
	struct dirent *e;
	char *seq = NULL;

	while (dir && !seq && (e = readdir(dir))) {
		if (e->d_name[0] == '.' || !has_serial(e->d_name, serial))
			continue;
		snprintf(d->name, sizeof(d->name), "%.15s", e->d_name);
		seq = read_attribute(d->name, "diskseq");
	}
	if (dir)
		closedir(dir);
	d->seq = seq ? atol(seq) : -1;
	free(seq);
	return d->seq >= 0;
}

bool disk_wait(const char *serial, struct disk *d, int limit_ms)
{
	for (int ms = 0; ms < limit_ms; ms += POLL_MS) {
		if (disk_find(serial, d))
			return true;
		usleep(POLL_MS * 1000);
	}
	return false;
}

bool disk_same(const char *serial, const struct disk *d)
{
	struct disk now;
	char *size = disk_find(serial, &now) ? read_attribute(now.name, "size") : NULL;
	bool ret = size && atol(size) > 0 && now.seq == d->seq;

	free(size);
	return ret;
}

int disk_device(const struct disk *d, bool pci, char *path, size_t size)
{
	char link[64], *real, *slash;

	snprintf(link, sizeof(link), BLOCK "/%s/device", d->name);
	real = realpath(link, NULL);
	slash = real ? strrchr(real, '/') : NULL;
	if (slash && pci)
		*slash = 0;
	snprintf(path, size, "%s", slash ? real : "");
	free(real);
	return slash ? 0 : -1;
}

int disk_progress(const struct disk *d, unsigned long *done, unsigned long *inflight)
{
	char *text = read_attribute(d->name, "stat");
	unsigned long reads, writes;
	int n = text ? sscanf(text, "%lu %*u %*u %*u %lu %*u %*u %*u %lu", &reads, &writes,
			      inflight) :
		       0;

	free(text);
	*done = n == 3 ? reads + writes : 0;
	return n == 3 ? 0 : -1;
}
