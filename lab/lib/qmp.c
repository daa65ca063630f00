// SPDX-License-Identifier: GPL-2.0
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <sys/un.h>
#include <unistd.h>

#include "lab/lib/proc.h"
#include "lab/lib/qmp.h"

#define FAIL(q, ...) (snprintf((q)->error, sizeof((q)->error), __VA_ARGS__), -1)

static int connect_to(const char *path, int limit_ms)
{
	struct sockaddr_un addr = { .sun_family = AF_UNIX };
	long long end = proc_now_ns() + limit_ms * 1000000ll;
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

	snprintf(addr.sun_path, sizeof(addr.sun_path), "%s", path);
	while (fd >= 0 && connect(fd, (struct sockaddr *)&addr, sizeof(addr))) {
		if (proc_now_ns() > end) {
			close(fd);
			return -1;
		}
		usleep(20000);
	}
	return fd;
}

/* One message is one line. */
static json_t *next_message(struct qmp *q, int limit_ms)
{
	struct timeval limit = { limit_ms / 1000, limit_ms % 1000 * 1000 };
	json_t *message = NULL;
	char *line = NULL;
	size_t size = 0;

	setsockopt(q->fd, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof(limit));
	if (getline(&line, &size, q->in) > 0)
		message = json_loads(line, 0, NULL);
	free(line);
	return message;
}

int qmp_open(struct qmp *q, const char *path, int limit_ms)
{
	json_t *greeting;

	*q = (struct qmp){ .fd = connect_to(path, limit_ms) };
	if (q->fd < 0)
		return FAIL(q, "QEMU does not listen at %s", path);
	q->in = fdopen(q->fd, "r");
	greeting = q->in ? next_message(q, limit_ms) : NULL;
	if (!greeting)
		return FAIL(q, "QEMU does not greet at %s", path);
	json_decref(greeting);
	return qmp_do(q, "qmp_capabilities", NULL, limit_ms);
}

void qmp_close(struct qmp *q)
{
	if (q->in)
		fclose(q->in);
	else if (q->fd >= 0)
		close(q->fd);
	*q = (struct qmp){ .fd = -1 };
}

static int send_command(struct qmp *q, const char *command, json_t *arguments)
{
	json_t *message = json_pack("{s:s}", "execute", command);
	char *text;
	int ret;

	if (arguments)
		json_object_set_new(message, "arguments", arguments);
	text = json_dumps(message, JSON_COMPACT);
	json_decref(message);
	ret = text ? proc_write_all(q->fd, text, strlen(text)) : -1;
	if (!ret)
		ret = proc_write_all(q->fd, "\n", 1);
	free(text);
	return ret ? FAIL(q, "%s: QEMU has ended", command) : 0;
}

json_t *qmp_call(struct qmp *q, const char *command, json_t *arguments, int limit_ms)
{
	json_t *message, *value = NULL;
	bool answered = false;

	if (send_command(q, command, arguments))
		return NULL;
	while (!answered && (message = next_message(q, limit_ms))) {
		const char *desc = json_string_value(
			json_object_get(json_object_get(message, "error"), "desc"));

		value = json_incref(json_object_get(message, "return"));
		answered = value || desc;
		if (desc)
			(void)FAIL(q, "%s: %s", command, desc);
		json_decref(message);
	}
	if (!answered)
		(void)FAIL(q, "%s: no answer within %d ms", command, limit_ms);
	return value;
}

int qmp_do(struct qmp *q, const char *command, json_t *arguments, int limit_ms)
{
	json_t *value = qmp_call(q, command, arguments, limit_ms);

	json_decref(value);
	return value ? 0 : -1;
}

int qmp_migrate_begin(struct qmp *q, const char *uri, int limit_ms)
{
	/* emulated memory is slow: a second to send what is dirtied all the time */
	if (qmp_do(q, "migrate-set-parameters", json_pack("{s:i}", "downtime-limit", 1000),
		   limit_ms))
		return -1;
	return qmp_do(q, "migrate", json_pack("{s:s}", "uri", uri), limit_ms);
}

int qmp_migrate_state(struct qmp *q, int limit_ms)
{
	json_t *info = qmp_call(q, "query-migrate", NULL, limit_ms);
	const char *status = json_string_value(json_object_get(info, "status"));
	int ret = info ? 0 : -1;

	if (status && !strcmp(status, "completed"))
		ret = 1;
	else if (status && (!strcmp(status, "failed") || !strcmp(status, "cancelled")))
		ret = FAIL(q, "migration %s: %s", status,
			   json_string_value(json_object_get(info, "error-desc")));
	json_decref(info);
	return ret;
}

int qmp_migrate(struct qmp *q, const char *uri, int limit_ms)
{
	long long end = proc_now_ns() + limit_ms * 1000000ll;
	int ret = qmp_migrate_begin(q, uri, limit_ms);

	while (!ret && !(ret = qmp_migrate_state(q, limit_ms))) {
		if (proc_now_ns() > end)
			return FAIL(q, "the migration has not completed within %d s",
				    limit_ms / 1000);
		usleep(50000);
	}
	return ret < 0 ? -1 : 0;
}

json_t *qmp_free_vcpu(struct qmp *q, const char *id, int limit_ms)
{
	json_t *slots = qmp_call(q, "query-hotpluggable-cpus", NULL, limit_ms), *slot;
	json_t *arguments = NULL;
	size_t i;

	json_array_foreach(slots, i, slot)
	{
		if (arguments || json_object_get(slot, "qom-path"))
			continue;
		arguments = json_deep_copy(json_object_get(slot, "props"));
		json_object_set(arguments, "driver", json_object_get(slot, "type"));
		json_object_set_new(arguments, "id", json_string(id));
	}
	json_decref(slots);
	return arguments;
}

static void add_vcpu(struct qmp_coop *sum, json_t *vcpu)
{
	json_t *state = json_object_get(vcpu, "state");
	json_t *counters = json_object_get(vcpu, "counters");

	sum->vcpus++;
	sum->registered += json_is_true(json_object_get(state, "registered"));
	sum->boosted += json_is_true(json_object_get(state, "boosted"));
	sum->features += json_array_size(json_object_get(state, "features"));
	sum->boosts += json_integer_value(json_object_get(counters, "boosts-irq")) +
		       json_integer_value(json_object_get(counters, "boosts-rt"));
}

int qmp_coop(struct qmp *q, struct qmp_coop *sum, int limit_ms)
{
	json_t *info = qmp_call(q, "query-kvm-coop", NULL, limit_ms), *vcpu;
	size_t i;

	if (!info)
		return -1;
	*sum = (struct qmp_coop){ .enabled = json_is_true(json_object_get(info, "enabled")) };
	json_array_foreach(json_object_get(info, "vcpus"), i, vcpu) add_vcpu(sum, vcpu);
	json_decref(info);
	return 0;
}
