// SPDX-License-Identifier: GPL-2.0
/*
 * mode=unmap: take memory away that the host uses; mode=remap: that nobody
 * uses. The chipset of QEMU's machine "pc" shows RAM or nothing at 0xd0000, as
 * the guest tells it: the VMM then adds and removes the memory there.
 */
#define pr_fmt(fmt) KBUILD_MODNAME ": " fmt

#include <linux/io.h>
#include <linux/pci.h>

#include "rogue.h"

#define I440FX_PAM_D0000	0x5c
#define I440FX_PAM_RAM		0x33	/* read and write, for both of 16 KiB */
#define I440FX_PAM_NONE		0x00

#define UNMAP_GPA		0xd0000
#define UNMAP_SIZE		0x1000
/* The preempt count lies in the same memory, after the page. */
#define UNMAP_COUNT		sizeof(struct kvm_coop_page)

static struct pci_dev *unmap_bridge;
static void *unmap_memory;
static u8 unmap_saved;

int rogue_unmap_init(void)
{
	unmap_bridge = pci_get_device(PCI_VENDOR_ID_INTEL,
				      PCI_DEVICE_ID_INTEL_82441, NULL);
	if (!unmap_bridge) {
		pr_err("mode=unmap needs QEMU's machine 'pc'\n");
		return -ENODEV;
	}
	pci_read_config_byte(unmap_bridge, I440FX_PAM_D0000, &unmap_saved);
	pci_write_config_byte(unmap_bridge, I440FX_PAM_D0000, I440FX_PAM_RAM);
	unmap_memory = memremap(UNMAP_GPA, UNMAP_SIZE, MEMREMAP_WB);
	if (unmap_memory)
		return 0;
	rogue_unmap_exit();
	return -ENOMEM;
}

void rogue_unmap_exit(void)
{
	if (unmap_memory)
		memunmap(unmap_memory);
	pci_write_config_byte(unmap_bridge, I440FX_PAM_D0000, unmap_saved);
	pci_dev_put(unmap_bridge);
}

static void unmap_fill(struct kvm_coop_page *page)
{
	rogue_fill(page);
	page->setup.preempt_count_gpa = UNMAP_GPA + UNMAP_COUNT;
	page->guest.intent = KVM_COOP_INTENT_RT;
	/* a critical section that has no end */
	*(u32 *)(unmap_memory + UNMAP_COUNT) = 1;
}

void rogue_unmap_setup(struct rogue_cpu *r)
{
	unmap_fill(unmap_memory);
	r->page = unmap_memory;
	r->gpa = UNMAP_GPA;
}

/* Every other turn the memory goes, and comes back in the next. True if it came. */
static bool unmap_turn(struct rogue_cpu *r)
{
	bool there = !(r->turn & 1);

	if (!rogue_turn(r))
		return false;
	pci_write_config_byte(unmap_bridge, I440FX_PAM_D0000,
			      there ? I440FX_PAM_NONE : I440FX_PAM_RAM);
	rogue_turn_again(r);
	return !there;
}

/* What the VMM and KVM do for it, with nobody registered. */
void rogue_remap_step(struct rogue_cpu *r)
{
	unmap_turn(r);
}

/* Once with the page and the count in it, once with the count and a page of the CPU's own. */
void rogue_unmap_step(struct rogue_cpu *r)
{
	if (!unmap_turn(r))
		return;
	r->page = r->turn & 2 ? r->own : unmap_memory;
	r->gpa = r->turn & 2 ? virt_to_phys(r->own) : UNMAP_GPA;
	unmap_fill(r->page);
	rogue_register(r);
}
