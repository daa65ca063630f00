// SPDX-License-Identifier: GPL-2.0
/*
 * coop-bench-audio: what one hears. A guest renders a sine in a periodic real-time callback, a
 * device on the host plays it by its own clock and counts what is not that sine.
 */
#include <stdio.h>

#include "bench/audio/bench.h"

/* Measured under TCG: what a case takes beside its seconds. */
#define EXPECT_CASE 2

static json_t *parameters(const struct guest_bench *b, const struct audio *a)
{
	return json_pack("{s:i, s:i, s:i, s:i, s:i, s:i, s:i}", "rate", a->rate, "buffer_bursts",
			 a->buffer, "seconds", b->seconds, "repeat", b->repeat, "vcpus",
			 b->boot.vcpus, "cotenants", b->cotenants, "forced_glitches", a->force);
}

int main(int argc, char **argv)
{
	char memory[200];
	char *extra[] = { "-object", memory, "-device", "ivshmem-plain,memdev=audio", NULL };
	struct guest_bench b;
	struct audio a;
	int ret = options_parse(&b, &a, argc, argv);

	if (ret)
		return ret < 0 ? 2 : 0;
	if (device_open(&a.device, "coop-bench"))
		return 2;
	snprintf(memory, sizeof(memory),
		 "memory-backend-file,id=audio,mem-path=%s,size=%d,share=on", a.device.path,
		 AUDIO_RING_BYTES);
	b.boot.extra = extra;
	b.measure = measure;
	b.prepare = choose_rate;
	b.expect_s = EXPECT_CASE;
	ret = guest_bench_run(&b, parameters(&b, &a));
	device_close(&a.device);
	return ret;
}
