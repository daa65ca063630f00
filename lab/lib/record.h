/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The line protocol of the lab's virtio-serial port, used between the machine and L1, and between
 * L1 and L2. lab/README.md describes it. Sending needs nothing but a file descriptor; receiving
 * needs a record_stream.
 */
#ifndef LAB_LIB_RECORD_H
#define LAB_LIB_RECORD_H

#include <stdbool.h>
#include <stddef.h>

#define RECORD_PORT "coop.0"
#define RECORD_FD_ENV "COOP_RECORD_FD"

/* A record that claims more than this is a protocol error, not a reason to allocate. */
#define RECORD_MAX_DATA (64u << 20)
#define RECORD_MAX_LINE 65536
#define RECORD_MAX_ARGS 256

enum record_type {
	RECORD_BAD,
	RECORD_HELLO,
	RECORD_PROGRESS,
	RECORD_EXPECT,
	RECORD_RUN,
	RECORD_FILE,
	RECORD_APPEND,
	RECORD_VERDICT,
	RECORD_JOB,
	RECORD_QUIT,
};

struct record {
	enum record_type type;
	char *text; /* release, progress text, JSON, file name, verdict text, or the bad line */
	long done, total; /* progress; expect uses total for its seconds */
	bool pass;
	const char *data; /* file and append: size bytes */
	size_t size;
	char **argv; /* job: NULL-terminated */
};

struct record_stream {
	int fd;
	char *buf;
	size_t len, cap, used;
	char *argv[RECORD_MAX_ARGS + 1];
};

void record_stream_init(struct record_stream *s, int fd);
void record_stream_free(struct record_stream *s);

/*
 * Wait at most timeout_ms for the next record, or for ever if it is negative. Returns 1 with *rec
 * filled (its pointers are valid until the next call), 0 on timeout or a signal, -1 at the end of
 * the stream.
 */
int record_next(struct record_stream *s, int timeout_ms, struct record *rec);

/*
 * A new descriptor for the same stream: TO, from which nothing has been read, goes on in the middle
 * of the record in which FROM ends. FROM is empty afterwards.
 */
void record_stream_continue(struct record_stream *to, struct record_stream *from);

/* Forget all that has been sent up to now: the sender is going to start over. */
void record_stream_forget(struct record_stream *s);

/*
 * The descriptor a job writes its records to: the lab's port, or standard output when run by
 * hand.
 */
int record_fd(void);

/* All senders return 0, or -1 if the other side is gone. */
int record_hello(int fd, const char *release);
int record_progress(int fd, long done, long total, const char *fmt, ...)
	__attribute__((format(printf, 4, 5)));
int record_expect(int fd, long seconds);
int record_run(int fd, const char *json);
int record_data(int fd, const char *name, const void *data, size_t size);
int record_append(int fd, const char *name, const void *data, size_t size);
int record_file(int fd, const char *name, const char *path);
int record_verdict(int fd, bool pass, const char *fmt, ...) __attribute__((format(printf, 3, 4)));
int record_job(int fd, char *const argv[]);
int record_quit(int fd);
int record_forward(int fd, const struct record *rec);

/* A name that stays below the directory it is stored in. */
bool record_name_ok(const char *name);

#endif
