// SPDX-License-Identifier: GPL-2.0
#include <getopt.h>
#include <math.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "lab/lib/proc.h"
#include "tools/coopstat/coopstat.h"

enum output { OUTPUT_AUTO, OUTPUT_SCREEN, OUTPUT_PLAIN, OUTPUT_JSON };

struct options {
	double interval, average;
	int count;
	enum output output;
};

static const char usage[] =
	"usage: coopstat [OPTION...]   how the host schedules its VMs' vCPUs; as root\n"
	"  --interval S   seconds between two refreshes, 0.1 to 3600 (1)\n"
	"  --average S    average over the last S seconds, 0.1 to 3600, and counters per second;\n"
	"                 without it since the refresh before\n"
	"  --count N      end after N refreshes\n"
	"  --plain        a table per refresh; the default unless the output is a terminal\n"
	"  --json         one JSON object per refresh, with totals\n"
	"run%, wait%, block%: parts of the time, a wait counted when it ends; boost%: run while\n"
	"boosted by kvm-coop\n"
	"run/us, wait/us: per execution period; then how often in the interval: boosts for an\n"
	"interrupt and for RT work, throttled and deferred ones, notifications of the\n"
	"guest, yields, preemptions\n"
	"I/O: all other threads of the VM's process\n";

static const struct option long_options[] = {
	{ "interval", required_argument, NULL, 'i' },
	{ "average", required_argument, NULL, 'a' },
	{ "count", required_argument, NULL, 'c' },
	{ "plain", no_argument, NULL, 'p' },
	{ "json", no_argument, NULL, 'j' },
	{ "help", no_argument, NULL, 'h' },
	{ 0 },
};

static volatile sig_atomic_t ended;

static void end(int sig)
{
	(void)sig;
	ended = 1;
}

static int seconds(const char *name, const char *text, double *value)
{
	char *rest;

	*value = strtod(text, &rest);
	if (*text && !*rest && *value >= 0.1 && *value <= 3600)
		return 0;
	fprintf(stderr, "coop: --%s %s: give 0.1 to 3600 seconds\n", name, text);
	return -1;
}

static int set_output(struct options *o, enum output output)
{
	if (o->output != OUTPUT_AUTO) {
		fprintf(stderr, "coop: --plain and --json: give one of them, once\n");
		return -1;
	}
	o->output = output;
	return 0;
}

static int set_option(struct options *o, int opt)
{
	switch (opt) {
	case 'i':
		return seconds("interval", optarg, &o->interval);
	case 'a':
		return seconds("average", optarg, &o->average);
	case 'c':
		return proc_option_number("count", optarg, 1, 1000000000, &o->count);
	case 'p':
		return set_output(o, OUTPUT_PLAIN);
	case 'j':
		return set_output(o, OUTPUT_JSON);
	case 'h':
		fputs(usage, stdout);
		return 1;
	}
	fprintf(stderr, "coop: unknown option, or one without its value: see coopstat --help\n");
	return -1;
}

static int parse(struct options *o, int argc, char **argv)
{
	int opt, ret = 0;

	*o = (struct options){ .interval = 1 };
	opterr = 0;
	while (!ret && (opt = getopt_long(argc, argv, "", long_options, NULL)) != -1)
		ret = set_option(o, opt);
	if (!ret && optind < argc) {
		fprintf(stderr, "coop: '%s' is no option: see coopstat --help\n", argv[optind]);
		ret = -1;
	}
	if (!ret && o->average / o->interval >= HISTORY - 1) {
		fprintf(stderr, "coop: --average %g: at most %d times the interval\n", o->average,
			HISTORY - 2);
		ret = -1;
	}
	return ret;
}

static int show(const struct vms *vms, const struct view *view, enum output output)
{
	switch (output) {
	case OUTPUT_JSON:
		return show_json(vms, view);
	case OUTPUT_SCREEN:
		screen_show(vms, view);
		return 0;
	default:
		show_plain(vms, view);
		return ferror(stdout) ? -1 : 0;
	}
}

/* Until NEXT; true if it is time to leave. */
static bool wait_until(long long next, enum output output)
{
	while (!ended) {
		long long left = (next - proc_now_ns()) / 1000000;

		if (left <= 0)
			return false;
		if (output != OUTPUT_SCREEN)
			usleep(left > 100 ? 100000 : left * 1000);
		else if (screen_wait(left > 100 ? 100 : left))
			return true;
	}
	return true;
}

/* The first scan is only what the first refresh is compared with. */
static int run(const struct options *o, enum output output)
{
	struct view view = { .average_ns = o->average * 1e9, .per_second = o->average > 0 };
	long long step = o->interval * 1e9, next = proc_now_ns() + step;
	struct vms vms = { 0 };
	int ret = scan(&vms);

	for (int n = 0; !ret && (!o->count || n < o->count); n++, next += step) {
		if (wait_until(next, output))
			break;
		ret = scan(&vms) || show(&vms, &view, output);
		/* after a stop signal, or behind a slow terminal */
		if (proc_now_ns() > next + step)
			next = proc_now_ns();
	}
	scan_free(&vms);
	return ret;
}

int main(int argc, char **argv)
{
	struct sigaction sa = { .sa_handler = end };
	enum output output;
	struct options o;
	int ret = parse(&o, argc, argv);

	if (ret)
		return ret < 0 ? 2 : 0;
	if (scan_check())
		return 2;
	sigaction(SIGINT, &sa, NULL);
	sigaction(SIGTERM, &sa, NULL);
	output = o.output;
	if (output == OUTPUT_AUTO)
		output = isatty(STDOUT_FILENO) && isatty(STDIN_FILENO) ? OUTPUT_SCREEN :
									 OUTPUT_PLAIN;
	if (output == OUTPUT_SCREEN && screen_begin()) {
		fprintf(stderr, "coop: this terminal cannot be used: set TERM, or use --plain\n");
		return 2;
	}
	ret = run(&o, output);
	screen_end();
	if (ret)
		fprintf(stderr, "coop: coopstat ends: KVM is gone, or nobody reads the output\n");
	return ret ? 1 : 0;
}
