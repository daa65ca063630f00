// SPDX-License-Identifier: GPL-2.0
#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "lab/lib/proc.h"
#include "lab/lib/record.h"

int record_fd(void)
{
	const char *env = getenv(RECORD_FD_ENV);
	int fd = env ? atoi(env) : -1;

	return fd > 2 && fcntl(fd, F_GETFD) >= 0 ? fd : STDOUT_FILENO;
}

/* One line may not contain another: control characters in a text become blanks. */
static int send_line(int fd, const char *head, const char *text)
{
	char line[RECORD_MAX_LINE];
	int n = snprintf(line, sizeof(line) - 1, "%s%s", head, text);

	if (n < 0 || (size_t)n >= sizeof(line) - 1)
		return -1;
	for (char *p = line; *p; p++)
		if (iscntrl((unsigned char)*p) && *p != '\t')
			*p = ' ';
	line[n++] = '\n';
	return proc_write_all(fd, line, n);
}

int record_hello(int fd, const char *release)
{
	return send_line(fd, "hello ", release);
}

int record_progress(int fd, long done, long total, const char *fmt, ...)
{
	char head[64], text[1024];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	snprintf(head, sizeof(head), "progress %ld %ld ", done, total);
	return send_line(fd, head, text);
}

int record_expect(int fd, long seconds)
{
	char text[32];

	snprintf(text, sizeof(text), "%ld", seconds);
	return send_line(fd, "expect ", text);
}

int record_run(int fd, const char *json)
{
	return send_line(fd, "run ", json);
}

static int send_data(int fd, const char *verb, const char *name, const void *data, size_t size)
{
	char head[512];

	if (!record_name_ok(name) || size > RECORD_MAX_DATA)
		return -1;
	snprintf(head, sizeof(head), "%s %s %zu", verb, name, size);
	if (send_line(fd, head, ""))
		return -1;
	return proc_write_all(fd, data, size);
}

int record_data(int fd, const char *name, const void *data, size_t size)
{
	return send_data(fd, "file", name, data, size);
}

int record_append(int fd, const char *name, const void *data, size_t size)
{
	return send_data(fd, "append", name, data, size);
}

int record_file(int fd, const char *name, const char *path)
{
	size_t size;
	char *data = proc_read_file(path, &size);
	int ret;

	if (!data)
		return -1;
	ret = record_data(fd, name, data, size);
	free(data);
	return ret;
}

int record_verdict(int fd, bool pass, const char *fmt, ...)
{
	char text[1024];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	return send_line(fd, pass ? "verdict pass " : "verdict fail ", text);
}

int record_job(int fd, char *const argv[])
{
	char line[RECORD_MAX_LINE] = "";
	size_t len = 0;

	for (int i = 0; argv[i]; i++) {
		if (strpbrk(argv[i], "\t\n"))
			return -1;
		len += snprintf(line + len, sizeof(line) - len, "\t%s", argv[i]);
		if (len >= sizeof(line))
			return -1;
	}
	return send_line(fd, "job", line);
}

int record_quit(int fd)
{
	return send_line(fd, "quit", "");
}

int record_forward(int fd, const struct record *rec)
{
	switch (rec->type) {
	case RECORD_HELLO:
		return record_hello(fd, rec->text);
	case RECORD_PROGRESS:
		return record_progress(fd, rec->done, rec->total, "%s", rec->text);
	case RECORD_EXPECT:
		return record_expect(fd, rec->total);
	case RECORD_RUN:
		return record_run(fd, rec->text);
	case RECORD_FILE:
		return record_data(fd, rec->text, rec->data, rec->size);
	case RECORD_APPEND:
		return record_append(fd, rec->text, rec->data, rec->size);
	case RECORD_VERDICT:
		return record_verdict(fd, rec->pass, "%s", rec->text);
	case RECORD_BAD:
		return send_line(fd, rec->text, "");
	default:
		return -1;
	}
}

bool record_name_ok(const char *name)
{
	if (!*name || *name == '/' || strlen(name) > 255)
		return false;
	for (const char *p = name; *p; p++)
		if (!isalnum((unsigned char)*p) && !strchr("._-/+", *p))
			return false;
	return !strstr(name, "..");
}

void record_stream_init(struct record_stream *s, int fd)
{
	memset(s, 0, sizeof(*s));
	s->fd = fd;
}

void record_stream_free(struct record_stream *s)
{
	free(s->buf);
	if (s->fd >= 0)
		close(s->fd);
	memset(s, 0, sizeof(*s));
	s->fd = -1;
}

static bool parse_data(struct record *rec, enum record_type type, char *args)
{
	char *sep = strchr(args, ' ');
	char *end;

	if (!sep)
		return false;
	*sep = 0;
	rec->text = args;
	rec->size = strtoul(sep + 1, &end, 10);
	rec->type = type;
	return !*end && record_name_ok(args) && rec->size <= RECORD_MAX_DATA;
}

static bool parse_progress(struct record *rec, char *args)
{
	int pos = 0;

	if (sscanf(args, "%ld %ld %n", &rec->done, &rec->total, &pos) < 2 || !pos)
		return false;
	rec->text = args + pos;
	rec->type = RECORD_PROGRESS;
	return true;
}

static bool parse_verdict(struct record *rec, char *args)
{
	rec->pass = !strncmp(args, "pass", 4);
	if (!rec->pass && strncmp(args, "fail", 4))
		return false;
	rec->text = args + 4 + (args[4] == ' ');
	rec->type = RECORD_VERDICT;
	return true;
}

static bool parse_job(struct record_stream *s, struct record *rec, char *args)
{
	int n = 0;

	for (char *word = strtok(args, "\t"); word && n < RECORD_MAX_ARGS;
	     word = strtok(NULL, "\t"))
		s->argv[n++] = word;
	s->argv[n] = NULL;
	rec->argv = s->argv;
	rec->type = RECORD_JOB;
	return n > 0;
}

static bool parse_text(struct record *rec, enum record_type type, char *args)
{
	rec->text = args;
	rec->type = type;
	return true;
}

static bool parse_line(struct record_stream *s, char *line, struct record *rec)
{
	size_t verb = strcspn(line, " \t");
	char *args = line + verb + !!line[verb];

#define IS(word) (verb == strlen(word) && !strncmp(line, word, verb))
	if (IS("file"))
		return parse_data(rec, RECORD_FILE, args);
	if (IS("append"))
		return parse_data(rec, RECORD_APPEND, args);
	if (IS("progress"))
		return parse_progress(rec, args);
	if (IS("verdict"))
		return parse_verdict(rec, args);
	if (IS("job"))
		return parse_job(s, rec, args);
	if (IS("hello"))
		return parse_text(rec, RECORD_HELLO, args);
	if (IS("run"))
		return parse_text(rec, RECORD_RUN, args);
	if (IS("quit"))
		return parse_text(rec, RECORD_QUIT, args);
	if (IS("expect")) {
		rec->total = atol(args);
		return parse_text(rec, RECORD_EXPECT, args);
	}
#undef IS
	return false;
}

/* Returns 1 with a whole record, payload included, or 0 if more bytes are needed. */
static int take_record(struct record_stream *s, struct record *rec)
{
	char *nl = s->len ? memchr(s->buf, '\n', s->len) : NULL;
	char copy[RECORD_MAX_LINE];
	size_t line;

	if (!nl && s->len < RECORD_MAX_LINE)
		return 0;
	line = nl ? (size_t)(nl - s->buf) : RECORD_MAX_LINE - 1;
	memset(rec, 0, sizeof(*rec));
	/* Parsing cuts the line into strings: only do that once all of the payload is there. */
	memcpy(copy, s->buf, line);
	copy[line] = 0;
	if (parse_line(s, copy, rec) && s->len - line - 1 < rec->size)
		return 0;
	memset(rec, 0, sizeof(*rec));
	s->buf[line] = 0;
	if (!parse_line(s, s->buf, rec)) {
		memset(rec, 0, sizeof(*rec));
		rec->text = s->buf;
	}
	rec->data = s->buf + line + 1;
	s->used = line + 1 + rec->size;
	return 1;
}

static int fill(struct record_stream *s, int timeout_ms)
{
	struct pollfd pfd = { .fd = s->fd, .events = POLLIN };
	ssize_t n;

	if (s->cap - s->len < RECORD_MAX_LINE) {
		size_t cap = s->cap ? 2 * s->cap : 2 * RECORD_MAX_LINE;
		char *buf = realloc(s->buf, cap);

		if (!buf)
			return -1;
		s->buf = buf;
		s->cap = cap;
	}
	n = poll(&pfd, 1, timeout_ms);
	if (n <= 0)
		return n < 0 && errno != EINTR ? -1 : 0;
	n = read(s->fd, s->buf + s->len, s->cap - s->len);
	if (n < 0 && (errno == EINTR || errno == EAGAIN))
		return 0;
	if (n <= 0)
		return -1;
	s->len += n;
	return 1;
}

void record_stream_continue(struct record_stream *to, struct record_stream *from)
{
	int fd = to->fd;

	while (fill(from, 0) > 0)
		;
	free(to->buf);
	*to = *from;
	to->fd = fd;
	from->buf = NULL;
	from->len = from->cap = from->used = 0;
}

void record_stream_forget(struct record_stream *s)
{
	while (fill(s, 0) > 0)
		;
	s->len = s->used = 0;
}

int record_next(struct record_stream *s, int timeout_ms, struct record *rec)
{
	long long deadline = proc_now_ns() / 1000000 + timeout_ms;

	if (s->used) {
		s->len -= s->used;
		memmove(s->buf, s->buf + s->used, s->len);
		s->used = 0;
	}
	for (;;) {
		long long left = deadline - proc_now_ns() / 1000000;
		int ret = take_record(s, rec);

		if (ret)
			return ret;
		ret = fill(s, timeout_ms < 0 ? -1 : left > 0 ? (int)left : 0);
		if (ret <= 0)
			return ret;
	}
}
