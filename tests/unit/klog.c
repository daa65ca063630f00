// SPDX-License-Identifier: GPL-2.0
/* What the lab's kernel log scanner takes for a splat, and what not. */
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "lab/lib/klog.h"
#include "lab/lib/proc.h"
#include "tests/unit/check.h"

static const char *const bad[] = {
	"Kernel panic - not syncing: sysrq triggered crash",
	"[    1.234567] WARNING: CPU: 0 PID: 1 at kernel/sched/core.c:1 f+0x1/0x2",
	"<4>[    1.234567][   T12] WARNING: possible circular locking dependency detected",
	"[   12.000000] [  T1] BUG: KASAN: use-after-free in f+0x1/0x2",
	"[    1.234567] watchdog: BUG: soft lockup - CPU#0 stuck for 6s! [x:1]",
	"INFO: task x:1 blocked for more than 3 seconds.",
	"[   10.0] rcu: INFO: rcu_preempt detected stalls on CPUs/tasks:",
	"[   10.0] ------------[ cut here ]------------",
	"[   10.0] Oops: general protection fault, 0000 [#1] PREEMPT SMP",
	"[   10.0] unchecked MSR access error: RDMSR from 0x1",
};

static const char *const good[] = {
	"",
	"[",
	"<4",
	"[    9.000000] sched: RT throttling activated",
	"[    1.000000] clocksource: Marking clocksource 'tsc' as unstable",
	"[    1.000000] Command line: coop_fault=warn text=WARNING:",
	"hrtimer: interrupt took 7840905 ns",
	"[    0.1] Debug: no BUG: here",
};

static void check_scan(void)
{
	char path[] = "/tmp/coop-klog.XXXXXX";
	int fd = mkstemp(path);
	FILE *null = fopen("/dev/null", "w");
	struct klog_hit hit = { 0 };
	int n;

	CHECK(fd >= 0 && null, "set-up");
	proc_write_file(
		path,
		"fine\r\n[ 1.0] ------------[ cut here ]------------\r\n[ 1.0] WARNING: x\r\nfine\n[ 2.0] BUG: y");
	n = klog_scan(path, null, 1, &hit);
	CHECK(n == 2, "%d", n);
	CHECK(hit.line == 3 && !strcmp(hit.text, "WARNING: x"), "%d: %s", hit.line, hit.text);
	proc_write_file(path, "");
	CHECK(!klog_scan(path, null, 1, &hit), "an empty log");
	klog_tail(path, null, 5);
	proc_write_file(path, "\n");
	klog_tail(path, null, 5);
	unlink(path);
	CHECK(klog_scan(path, null, 1, &hit) < 0, "no log");
	klog_tail(path, null, 5);
	fclose(null);
	close(fd);
}

int main(void)
{
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		CHECK(klog_line_is_bad(bad[i]), "%s", bad[i]);
	for (size_t i = 0; i < sizeof(good) / sizeof(good[0]); i++)
		CHECK(!klog_line_is_bad(good[i]), "%s", good[i]);
	check_scan();
	return check_result();
}
