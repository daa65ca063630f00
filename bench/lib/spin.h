/* SPDX-License-Identifier: GPL-2.0 */
/* A fixed amount of work for the CPU, the same whoever else runs. */
#ifndef BENCH_LIB_SPIN_H
#define BENCH_LIB_SPIN_H

void spin(unsigned long loops);

/* Loops that take a microsecond, on this machine and undisturbed: the fastest of several tries. */
unsigned long spin_calibrate(void);

#endif
