// SPDX-License-Identifier: GPL-2.0
/*
 * Guest modules. /lib/modules/coop/order lists what a modular kernel needs to find its virtio port;
 * the words coop_module=NAME[,param=value...] of the kernel command line name what a run wants to
 * have loaded.
 */
#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "lab/init/init.h"
#include "lab/lib/proc.h"

#define MODULE_DIR "/lib/modules/coop/"

/* Returns 0 or -errno; a module that is there already is no error. */
static int load(const char *file, const char *params)
{
	char path[512];
	int ret = 0;
	int fd;

	snprintf(path, sizeof(path), MODULE_DIR "%s", file);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0 || syscall(SYS_finit_module, fd, params, 0))
		ret = errno == EEXIST ? 0 : -errno;
	if (fd >= 0)
		close(fd);
	if (ret)
		say("cannot load %s: %s", file, strerror(-ret));
	return ret;
}

static void load_listed(void)
{
	char *list = proc_read_file(MODULE_DIR "order", NULL);

	for (char *line = list ? strtok(list, "\n") : NULL; line; line = strtok(NULL, "\n"))
		if (*line != '#')
			load(line, "");
	free(list);
}

static void load_wanted(char *word, FILE *results)
{
	char *params = word + strcspn(word, ",");
	char file[256];

	if (*params)
		*params++ = 0;
	for (char *p = params; *p; p++) {
		if (*p == ',')
			*p = ' ';
		else if (*p == '+') /* a comma inside of a value */
			*p = ',';
	}
	for (const char *p = word; *p; p++)
		if (!isalnum((unsigned char)*p) && *p != '_') {
			say("bad module name %s", word);
			return;
		}
	snprintf(file, sizeof(file), "%s.ko", word);
	fprintf(results, "%s %d\n", word, load(file, params));
}

void modules_load(void)
{
	char *word = cmdline_get("coop_module", 0);
	FILE *results;

	load_listed();
	if (!word)
		return;
	results = fopen(MODULE_RESULTS, "we");
	for (int i = 1; results && word; i++) {
		load_wanted(word, results);
		free(word);
		word = cmdline_get("coop_module", i);
	}
	if (results)
		fclose(results);
}
