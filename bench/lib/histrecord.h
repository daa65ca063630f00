/* SPDX-License-Identifier: GPL-2.0 */
/* Histograms as files of records: from a guest to the driver, and from there to the result. */
#ifndef BENCH_LIB_HISTRECORD_H
#define BENCH_LIB_HISTRECORD_H

#include "bench/lib/hist.h"
#include "lab/lib/record.h"

/* As the file NAME. 0 or -1. */
int hist_send(int record_fd, const char *name, const struct hist *h);

/* H needs no initialization, and no hist_free() after a failure: -1 with the reason in ERROR. */
int hist_receive(struct hist *h, const struct record *rec, char *error, size_t size);

#endif
