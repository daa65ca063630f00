/* SPDX-License-Identifier: GPL-2.0 */
/* What the threads of a guest's program do, and how much CPU time that took all of them together. */
#ifndef BENCH_LIB_WORK_H
#define BENCH_LIB_WORK_H

/* A piece of work of that many loops of spin(). */
void work_do(unsigned long loops);

/* The same with a quarter of it under the one lock of the program. */
void work_do_locked(unsigned long loops);

/* CPU time of somebody else who has worked for this program. */
void work_add_ns(long long ns);

/* CPU time of all pieces so far, but not of waiting. */
long long work_useful_ns(void);

#endif
