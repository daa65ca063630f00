/* SPDX-License-Identifier: GPL-2.0 */
/* What a guest's program has found out, for the driver in L1. */
#ifndef BENCH_LIB_GUESTANSWER_H
#define BENCH_LIB_GUESTANSWER_H

#define GUEST_ANSWER "answer.txt"

/*
 * As the file GUEST_ANSWER: one "NAME VALUE" per line; with the guest module its counters come
 * behind, as they are now. 0 or -1.
 */
int guest_answer_send(int record_fd, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

/* The sum over all CPUs of one of the module's counters, of such a text; they begin with the guest.
 */
long long guest_answer_counter(const char *text, const char *name);

#endif
