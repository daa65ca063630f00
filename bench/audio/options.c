// SPDX-License-Identifier: GPL-2.0
#include <stdio.h>
#include <string.h>

#include "bench/audio/bench.h"
#include "lab/lib/proc.h"

/* A forced glitch has to be over before the next: a late callback takes the buffer and two more. */
#define FORCE_SPACING 24
#define WARM_MS 500

static const struct guest_case cases[] = {
	{ "idle-96", false, false, 96 },     { "idle-256", false, false, 256 },
	{ "idle-512", false, false, 512 },   { "busy-96", true, false, 96 },
	{ "busy-256", true, false, 256 },    { "busy-512", true, false, 512 },
	{ "busy-hog-96", true, true, 96 },   { "busy-hog-256", true, true, 256 },
	{ "busy-hog-512", true, true, 512 },
};

static const char usage[] =
	"usage: coop-bench-audio [OPTION...]   runs in L1, as a job of coop-lab\n"
	"  --modes A,B         vanilla, coop, static (these), slice, coop-fair, coop-stock;\n"
	"                      vanilla-aa comes with vanilla\n"
	"  --cases A,B         LOAD-FRAMES: idle, busy (co-tenants) or busy-hog (co-tenants and guest load); 96, 256\n"
	"                      or 512 frames per burst (idle and busy)\n"
	"  --repeat N          rounds (1)\n"
	"  --seconds S         per measurement (10)\n"
	"  --buffer N          bursts that the guest keeps ahead, 1 to 8 (2)\n"
	"  --rate HZ|auto      frames per second, 6000 to 48000 (48000); auto: 48000, or as much less as the callback\n"
	"                      needs to take no more of the pCPU than a fair share, with room\n"
	"  --force N           make N glitches in each measurement; it fails unless as many are found\n"
	"  --cotenants N       of busy and busy-hog (2)\n"
	"  --no-aa             no second vanilla\n"
	"  --boot-limit S      until a guest says hello (60)\n"
	"  --result-limit S    longer than a measurement should take (60)\n";

static const struct option long_options[] = {
	GUEST_BENCH_OPTIONS,
	{ "buffer", required_argument, NULL, 'B' },
	{ "rate", required_argument, NULL, 'H' },
	{ "force", required_argument, NULL, 'F' },
	{ "help", no_argument, NULL, 'h' },
	{ 0 },
};

static int set_option(void *arg, int opt)
{
	struct guest_bench *b = arg;
	struct audio *a = b->arg;

	switch (opt) {
	case 'B':
		return proc_option_number("buffer", optarg, 1, AUDIO_BUFFER_MAX, &a->buffer);
	case 'H':
		a->rate = 0;
		if (!strcmp(optarg, "auto"))
			return 0;
		return proc_option_number("rate", optarg, AUDIO_RATE_LEAST, AUDIO_RATE, &a->rate);
	case 'F':
		return proc_option_number("force", optarg, 1, 100000, &a->force);
	case 'h':
		fputs(usage, stdout);
		return 1;
	}
	return guest_bench_option(b, opt);
}

/* Until it is chosen, the least that it may be. */
static int rate_of(const struct guest_bench *b)
{
	const struct audio *a = b->arg;

	return a->rate ? a->rate : AUDIO_RATE_LEAST;
}

int bursts_warm(const struct guest_bench *b, const struct guest_case *c)
{
	return WARM_MS * rate_of(b) / 1000 / c->variant + 1;
}

int bursts_measured(const struct guest_bench *b, const struct guest_case *c)
{
	return b->seconds * rate_of(b) / c->variant;
}

static int check_force(const struct guest_bench *b, const struct audio *a)
{
	for (int i = 0; i < b->cases.n; i++) {
		const struct guest_case *c = b->cases.chosen[i];
		int most = bursts_measured(b, c) / FORCE_SPACING - 1;

		if (a->force <= most)
			continue;
		fprintf(stderr,
			"coop: --force %d is too much for %d s of %s: at most %d, or a larger --seconds\n",
			a->force, b->seconds, c->name, most < 0 ? 0 : most);
		return -1;
	}
	return 0;
}

int options_parse(struct guest_bench *b, struct audio *a, int argc, char **argv)
{
	int ret;

	*a = (struct audio){ .buffer = 2, .rate = AUDIO_RATE };
	*b = (struct guest_bench){ .name = "audio",
				   .modes = DRIVER_CHOICE("mode", guest_modes),
				   .cases = DRIVER_CHOICE("case", cases),
				   .repeat = 1,
				   .seconds = 10,
				   .cotenants = 2,
				   .result_limit = 60,
				   .boot = { .vcpus = 1, .limit = 60 },
				   .arg = a };
	ret = proc_options(argc, argv, long_options, set_option, b);
	if (!ret)
		ret = guest_bench_complete(b, "vanilla,coop,static",
					   "idle-96,idle-256,idle-512,busy-96,busy-256,busy-512");
	return ret ? ret : check_force(b, a);
}
