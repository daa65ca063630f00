// SPDX-License-Identifier: GPL-2.0
/*
 * kvm-coop guest: tells a cooperative KVM host when this guest's CPUs have
 * urgent work. The protocol is in include/uapi/linux/kvm_coop.h.
 */
#define pr_fmt(fmt) KBUILD_MODNAME ": " fmt

#include <linux/bitmap.h>
#include <linux/cc_platform.h>
#include <linux/cpu.h>
#include <linux/debugfs.h>
#include <linux/module.h>
#include <linux/notifier.h>
#include <linux/reboot.h>
#include <linux/seq_file.h>
#include <linux/suspend.h>
#include <uapi/asm/kvm_para.h>

#include "compat.h"
#include "internal.h"

#define COOP_VECTORS	256

unsigned int coop_features = KVM_COOP_F_ALL;
module_param_named(features, coop_features, uint, 0444);
MODULE_PARM_DESC(features, "KVM_COOP_F_* to ask the host for (default: all)");

static bool coop_rt = true;
module_param_named(rt, coop_rt, bool, 0444);
MODULE_PARM_DESC(rt, "rt=0: do without boosts for RT tasks");

static bool coop_irq = true;
module_param_named(irq, coop_irq, bool, 0444);
MODULE_PARM_DESC(irq, "irq=0: do without boosts for interrupts");

static bool coop_timer = true;
module_param_named(timer, coop_timer, bool, 0444);
MODULE_PARM_DESC(timer, "timer=0: have the scheduler's tick boost, too");

static char *coop_urgent_list = "0-255";
module_param_named(urgent, coop_urgent_list, charp, 0444);
MODULE_PARM_DESC(urgent, "vectors whose delivery is urgent (default: 0-255)");

static struct dentry *coop_dir;

static bool coop_host_offers(void)
{
	u32 base = coop_cpuid_base();

	return base && (cpuid_eax(base | KVM_CPUID_FEATURES) &
			(1U << KVM_FEATURE_COOP));
}

static void coop_show_cpu(struct seq_file *m, unsigned int cpu)
{
	const struct coop_cpu *c = per_cpu_ptr(&coop_cpus, cpu);
	const struct kvm_coop_page *page = c->mem;

	seq_printf(m, "cpu %u registered %d", cpu, !!READ_ONCE(c->page));
	if (page)
		seq_printf(m, " features %#x status %#x intent %#x tickets %u",
			   READ_ONCE(page->host.features),
			   READ_ONCE(page->host.status),
			   READ_ONCE(page->guest.intent),
			   READ_ONCE(page->host.irq_ticket));
	seq_printf(m, " acks %llu yields %llu rt_switches %llu\n",
		   READ_ONCE(c->acks), READ_ONCE(c->yields),
		   READ_ONCE(c->rt_switches));
	coop_notify_show(m, cpu);
}

static int stats_show(struct seq_file *m, void *unused)
{
	unsigned int cpu;

	for_each_online_cpu(cpu)
		coop_show_cpu(m, cpu);
	return 0;
}
DEFINE_SHOW_ATTRIBUTE(stats);

/*
 * Sleep states lose the MSR, and a resumed image overwrites memory that the
 * host knows: sleep and wake up unregistered.
 */
static int coop_pm_event(struct notifier_block *nb, unsigned long event,
			 void *unused)
{
	switch (event) {
	case PM_SUSPEND_PREPARE:
	case PM_HIBERNATION_PREPARE:
	case PM_RESTORE_PREPARE:
		coop_cpus_pause();
		break;
	case PM_POST_SUSPEND:
	case PM_POST_HIBERNATION:
	case PM_POST_RESTORE:
		coop_cpus_resume();
		break;
	}
	return NOTIFY_DONE;
}

static struct notifier_block coop_pm_nb = { .notifier_call = coop_pm_event };

/* kexec comes here, too: the next kernel owns all memory. */
static int coop_reboot_event(struct notifier_block *nb, unsigned long event,
			     void *unused)
{
	coop_cpus_pause();
	return NOTIFY_DONE;
}

static struct notifier_block coop_reboot_nb = {
	.notifier_call = coop_reboot_event,
};

static int __init coop_parse_urgent(u64 urgent[COOP_VECTORS / 64])
{
	DECLARE_BITMAP(map, COOP_VECTORS);
	int err;

	err = bitmap_parselist(coop_urgent_list, map, COOP_VECTORS);
	if (err) {
		pr_err("urgent=%s: not a list of vectors 0 to 255\n",
		       coop_urgent_list);
		return err;
	}
	bitmap_to_arr64(urgent, map, COOP_VECTORS);
	return 0;
}

static int __init coop_init(void)
{
	u64 urgent[COOP_VECTORS / 64];
	int err;

	if (!coop_host_offers()) {
		pr_info("not offered by the host, nothing to do\n");
		return -ENODEV;
	}
	/* The host cannot read the preempt count of an encrypted guest. */
	if (cc_platform_has(CC_ATTR_GUEST_MEM_ENCRYPT)) {
		pr_info("does not work in an encrypted guest\n");
		return -ENODEV;
	}
	err = coop_parse_urgent(urgent);
	if (err)
		return err;
	if (!coop_rt)
		coop_features &= ~KVM_COOP_F_RT;
	if (!coop_irq)
		coop_features &= ~KVM_COOP_F_IRQ;
	if (coop_timer && !coop_timers_start()) {
		pr_info("cannot tell the tick from other timers, all are urgent\n");
		coop_timer = false;
	}
	if (!coop_timer)
		coop_features &= ~KVM_COOP_F_TIMER;

	/* Probes first: a page without its probes would look idle for ever. */
	err = coop_probes_start();
	if (err)
		return err;
	coop_notify_start();
	err = coop_cpus_start(urgent);
	if (err) {
		coop_notify_stop();
		coop_probes_stop();
		coop_cpus_free();
		return err;
	}
	register_pm_notifier(&coop_pm_nb);
	register_reboot_notifier(&coop_reboot_nb);
	coop_dir = debugfs_create_dir(KBUILD_MODNAME, NULL);
	debugfs_create_file("stats", 0444, coop_dir, NULL, &stats_fops);
	return 0;
}

static void __exit coop_exit(void)
{
	debugfs_remove(coop_dir);
	unregister_reboot_notifier(&coop_reboot_nb);
	unregister_pm_notifier(&coop_pm_nb);
	coop_cpus_stop();
	coop_notify_stop();
	coop_probes_stop();
	coop_cpus_free();
}

module_init(coop_init);
module_exit(coop_exit);
MODULE_DESCRIPTION("Cooperative vCPU scheduling, guest side");
MODULE_LICENSE("GPL");
