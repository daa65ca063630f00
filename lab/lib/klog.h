/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Finds what must never be in a kernel log: panics, WARNs, lockdep and sanitizer reports, stalls.
 */
#ifndef LAB_LIB_KLOG_H
#define LAB_LIB_KLOG_H

#include <stdbool.h>
#include <stdio.h>

bool klog_line_is_bad(const char *line);

/* The first bad line of a log. */
struct klog_hit {
	int line;
	char text[200];
};

/*
 * Scan one log; print the bad lines with their file and number to OUT, at most MAX of them. Returns
 * how many there are, with the first in *hit, or -1 if the file cannot be read.
 */
int klog_scan(const char *path, FILE *out, int max, struct klog_hit *hit);

/* Print the last N lines of a log, indented, control characters removed. */
void klog_tail(const char *path, FILE *out, int lines);

#endif
