// SPDX-License-Identifier: GPL-2.0
#include "bench/lib/spin.h"
#include "lab/lib/proc.h"

#define TRIES 20

void spin(unsigned long loops)
{
	while (loops--)
		__asm__ volatile("" ::: "memory");
}

unsigned long spin_calibrate(void)
{
	const unsigned long loops = 100000;
	long long best = 0;

	for (int i = 0; i < TRIES; i++) {
		long long begin = proc_now_ns(), ns;

		spin(loops);
		ns = proc_now_ns() - begin;
		best = !best || ns < best ? ns : best;
	}
	return loops * 1000 / (best ? best : 1) + 1;
}
