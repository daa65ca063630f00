// SPDX-License-Identifier: GPL-2.0
/*
 * The lab's line protocol: what is sent arrives, in pieces too, and nonsense is refused without
 * harm.
 */
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "lab/lib/proc.h"
#include "lab/lib/record.h"
#include "tests/unit/check.h"

static int fds[2];
static struct record_stream stream;

static void open_stream(void)
{
	CHECK(!socketpair(AF_UNIX, SOCK_STREAM, 0, fds), "socketpair");
	record_stream_init(&stream, fds[0]);
}

static void close_stream(void)
{
	close(fds[1]);
	record_stream_free(&stream);
}

static enum record_type next(struct record *rec)
{
	return record_next(&stream, 1000, rec) == 1 ? rec->type : RECORD_BAD;
}

static void check_round_trip(void)
{
	char *job[] = { "/bin/sh", "-c", "echo a b", NULL };
	struct record rec;

	open_stream();
	record_hello(fds[1], "6.12");
	record_progress(fds[1], 1, 2, "text\nsecond %d", 5);
	record_expect(fds[1], 77);
	record_run(fds[1], "{\"a\":1}");
	record_data(fds[1], "dir/x.log", "a\nb\n", 4);
	record_append(fds[1], "empty", "", 0);
	record_job(fds[1], job);
	record_quit(fds[1]);
	record_verdict(fds[1], false, "why %s", "not");
	CHECK(next(&rec) == RECORD_HELLO && !strcmp(rec.text, "6.12"), "hello");
	CHECK(next(&rec) == RECORD_PROGRESS && rec.done == 1 && rec.total == 2, "progress");
	CHECK(rec.text && !strcmp(rec.text, "text second 5"), "%s", rec.text);
	CHECK(next(&rec) == RECORD_EXPECT && rec.total == 77, "expect");
	CHECK(next(&rec) == RECORD_RUN && !strcmp(rec.text, "{\"a\":1}"), "run");
	CHECK(next(&rec) == RECORD_FILE && rec.size == 4 && !memcmp(rec.data, "a\nb\n", 4), "file");
	CHECK(next(&rec) == RECORD_APPEND && !rec.size && !strcmp(rec.text, "empty"), "append");
	CHECK(next(&rec) == RECORD_JOB && !strcmp(rec.argv[2], "echo a b") && !rec.argv[3], "job");
	CHECK(next(&rec) == RECORD_QUIT, "quit");
	CHECK(next(&rec) == RECORD_VERDICT && !rec.pass && !strcmp(rec.text, "why not"), "verdict");
	CHECK(!record_next(&stream, 10, &rec), "a timeout");
	close(fds[1]);
	CHECK(record_next(&stream, 1000, &rec) < 0, "the end");
	record_stream_free(&stream);
}

/* The payload comes after its line, in its own time. */
static void check_pieces(void)
{
	static const char text[] = "file a 3\nxyzverdict pass ok\n";
	struct record rec;
	size_t i;

	open_stream();
	for (i = 0; i < 11; i++) {
		proc_write_all(fds[1], text + i, 1);
		CHECK(!record_next(&stream, 0, &rec), "complete after %zu bytes", i + 1);
	}
	proc_write_all(fds[1], text + i, strlen(text + i));
	CHECK(next(&rec) == RECORD_FILE && !memcmp(rec.data, "xyz", 3), "file");
	CHECK(next(&rec) == RECORD_VERDICT && rec.pass && !strcmp(rec.text, "ok"), "verdict");
	close_stream();
}

static void check_refused(const char *line)
{
	struct record rec;

	open_stream();
	proc_write_all(fds[1], line, strlen(line));
	proc_write_all(fds[1], "\nquit\n", 6);
	CHECK(record_next(&stream, 1000, &rec) == 1 && rec.type == RECORD_BAD, "accepted: %.40s",
	      line);
	CHECK(next(&rec) == RECORD_QUIT, "lost after: %.40s", line);
	close_stream();
}

static void check_long(void)
{
	char *text = malloc(200000);
	struct record rec;
	int n = 0;

	memset(text, 'x', 199999);
	text[199999] = 0;
	CHECK(record_run(1, text) < 0, "a line beyond the limit");
	open_stream();
	proc_write_all(fds[1], text, 150000);
	proc_write_all(fds[1], "\n", 1);
	while (record_next(&stream, 10, &rec) == 1 && rec.type == RECORD_BAD)
		n++;
	CHECK(n == 3, "%d pieces", n);
	close_stream();
	free(text);
}

/* A guest that moves from one port to another, between any two bytes of what it says. */
static void check_continued(void)
{
	static const char text[] = "progress 1 2 moving\nfile a 3\nxyzverdict pass moved\n";

	for (size_t cut = 0; cut < sizeof(text); cut++) {
		struct record_stream from;
		struct record rec;
		int old;

		open_stream();
		old = fds[1];
		from = stream;
		CHECK(!proc_write_all(old, text, cut), "write");
		CHECK(cut < 20 || record_next(&from, 1000, &rec) == 1, "nothing before the cut");
		open_stream();
		CHECK(!proc_write_all(fds[1], text + cut, sizeof(text) - 1 - cut), "write");
		record_stream_continue(&stream, &from);
		CHECK(cut >= 20 || next(&rec) == RECORD_PROGRESS, "cut %zu: progress", cut);
		CHECK(next(&rec) == RECORD_FILE && rec.size == 3 && !memcmp(rec.data, "xyz", 3),
		      "cut %zu: file", cut);
		CHECK(next(&rec) == RECORD_VERDICT && rec.pass, "cut %zu: verdict", cut);
		CHECK(!record_next(&from, 0, &rec), "cut %zu: the old port has more", cut);
		record_stream_free(&from);
		close(old);
		close_stream();
	}
}

static void check_forgotten(void)
{
	struct record rec;

	open_stream();
	CHECK(!proc_write_all(fds[1], "progress 1 2 a\nprogress 2", 25), "write");
	CHECK(next(&rec) == RECORD_PROGRESS, "progress");
	record_stream_forget(&stream);
	record_hello(fds[1], "again");
	CHECK(next(&rec) == RECORD_HELLO && !strcmp(rec.text, "again"), "hello");
	close_stream();
}

int main(void)
{
	static const char *const refused[] = {
		"",
		"hullo",
		"file",
		"file a",
		"file a b",
		"file a 3x",
		"file a -1",
		"file ../a 1",
		"file /a 1",
		"file a 99999999999",
		"progress",
		"progress 1 x",
		"verdict",
		"verdict maybe",
		"job",
		"job\t",
		"append a/../b 1",
	};

	check_round_trip();
	check_pieces();
	check_continued();
	check_forgotten();
	for (size_t i = 0; i < sizeof(refused) / sizeof(refused[0]); i++)
		check_refused(refused[i]);
	check_long();
	CHECK(record_name_ok("l2/vanilla-1-console.log"), "a good name");
	return check_result();
}
