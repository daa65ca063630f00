// SPDX-License-Identifier: GPL-2.0
/* A server on vCPUs that are interfered with: throughput of a closed loop, latency of an open one. */
#include "bench/report/report.h"

#include <string.h>

static const struct row_table tables[] = {
	{ "requests per second", "requests_per_s", 1, false },
	{ "CPU time of their work, by what the co-tenants leave of the pCPUs", "load_share", 2, false },
	{ "p50, us", "p50_us", 0, false },
	{ "p99, us", "p99_us", 0, false },
	{ "p99.9, us", "p999_us", 0, false },
};

bool group_is_server(const struct group *g)
{
	return !strcmp(g->bench, "server");
}

bool server_print(const struct result *r, FILE *out)
{
	return row_print_tables(r, "server", tables, sizeof(tables) / sizeof(tables[0]), out);
}
