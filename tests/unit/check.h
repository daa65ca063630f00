/* SPDX-License-Identifier: GPL-2.0 */
#ifndef COOP_TESTS_UNIT_CHECK_H
#define COOP_TESTS_UNIT_CHECK_H

#include <stdio.h>

static int check_failures;

/* Counts and goes on; the message says what was found. */
#define CHECK(cond, ...)						\
	do {								\
		if (!(cond)) {						\
			check_failures++;				\
			printf("%s:%d: %s: ", __FILE__, __LINE__, #cond);\
			printf(__VA_ARGS__);				\
			putchar('\n');					\
		}							\
	} while (0)

/* For the end of main(): a failure is exit status 1. */
static inline int check_result(void)
{
	printf("%s: %d checks failed\n", check_failures ? "FAIL" : "PASS", check_failures);
	return check_failures ? 1 : 0;
}

#endif
