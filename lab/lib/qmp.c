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
