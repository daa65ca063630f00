/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * kvm-coop: cooperative vCPU scheduling, QMP's query-kvm-coop and HMP's "info
 * kvm-coop". State comes from the kernel's page of each vCPU, counters from
 * KVM's statistics.
 */
#include "qemu/osdep.h"
#include "qapi/error.h"
#include "qapi/qapi-commands-kvm-coop-target.h"
#include "qapi/qapi-commands-stats.h"
#include "monitor/hmp.h"
#include "monitor/monitor.h"
#include "qemu/module.h"
#include "kvm-coop.h"

/* KVM's names, and where the value belongs. */
static const struct {
    const char *name;
    size_t offset;
} counters[] = {
    { "coop_boosts_irq", offsetof(KvmCoopCounters, boosts_irq) },
    { "coop_boosts_rt", offsetof(KvmCoopCounters, boosts_rt) },
    { "coop_boosts_kept", offsetof(KvmCoopCounters, boosts_kept) },
    { "coop_deferrals", offsetof(KvmCoopCounters, deferrals) },
    { "coop_notified", offsetof(KvmCoopCounters, notified) },
    { "coop_notified_acked", offsetof(KvmCoopCounters, notified_acked) },
    { "coop_refused_debt", offsetof(KvmCoopCounters, refused_debt) },
    { "coop_refused_budget", offsetof(KvmCoopCounters, refused_budget) },
    { "coop_throttles", offsetof(KvmCoopCounters, throttles) },
    { "coop_refused_class", offsetof(KvmCoopCounters, refused_class) },
    { "coop_ends_yield", offsetof(KvmCoopCounters, ends_yield) },
    { "coop_ends_exit", offsetof(KvmCoopCounters, ends_exit) },
    { "coop_ends_expired", offsetof(KvmCoopCounters, ends_expired) },
    { "coop_ends_wakeup", offsetof(KvmCoopCounters, ends_wakeup) },
    { "coop_ends_user", offsetof(KvmCoopCounters, ends_user) },
    { "coop_yields", offsetof(KvmCoopCounters, yields) },
    { "coop_boosted_ns", offsetof(KvmCoopCounters, boosted_ns) },
    { "coop_preempted", offsetof(KvmCoopCounters, preempted) },
    { "coop_preempted_critical",
      offsetof(KvmCoopCounters, preempted_critical) },
    { "coop_page_misses", offsetof(KvmCoopCounters, page_misses) },
    { "coop_spread", offsetof(KvmCoopCounters, spread) },
};

static KvmCoopFeatureList *feature_list(uint32_t features)
{
    static const struct {
        uint32_t bit;
        KvmCoopFeature feature;
    } table[] = {
        { KVM_COOP_F_IRQ, KVM_COOP_FEATURE_IRQ },
        { KVM_COOP_F_RT, KVM_COOP_FEATURE_RT },
        { KVM_COOP_F_DEFER, KVM_COOP_FEATURE_DEFER },
        { KVM_COOP_F_OBSERVE, KVM_COOP_FEATURE_OBSERVE },
        { KVM_COOP_F_TIMER, KVM_COOP_FEATURE_TIMER },
        { KVM_COOP_F_NOTIFY, KVM_COOP_FEATURE_NOTIFY },
    };
    KvmCoopFeatureList *list = NULL, **tail = &list;

    for (size_t i = 0; i < ARRAY_SIZE(table); i++) {
        if (features & table[i].bit) {
            QAPI_LIST_APPEND(tail, table[i].feature);
        }
    }
    return list;
}

static KvmCoopRunState run_state(uint32_t state)
{
    switch (state) {
    case KVM_COOP_STATE_RUNNING:
        return KVM_COOP_RUN_STATE_RUNNING;
    case KVM_COOP_STATE_PREEMPTED:
        return KVM_COOP_RUN_STATE_PREEMPTED;
    case KVM_COOP_STATE_BLOCKED:
        return KVM_COOP_RUN_STATE_BLOCKED;
    default:
        return KVM_COOP_RUN_STATE_USER;
    }
}

static KvmCoopState *vcpu_state(const X86CPU *cpu)
{
    struct kvm_coop_vmm_grant grant;
    struct kvm_coop_vmm_run run;
    KvmCoopState *state;

    if (!kvm_coop_get_run(cpu, &run) || !kvm_coop_get_grant(cpu, &grant)) {
        return NULL;
    }
    state = g_new0(KvmCoopState, 1);
    state->registered = grant.flags & KVM_COOP_VMM_REGISTERED;
    state->boosted = grant.flags & KVM_COOP_VMM_BOOSTED;
    state->throttled = grant.flags & KVM_COOP_VMM_THROTTLED;
    state->hands_off = grant.flags & KVM_COOP_VMM_HANDS_OFF;
    state->features = feature_list(grant.features);
    state->budget_left_ns = grant.budget_left_ns;
    state->run_state = run_state(run.state);
    state->since_ns = run.since_ns;
    state->has_slice_end_ns = run.slice_end_ns != 0;
    state->slice_end_ns = run.slice_end_ns;
    return state;
}

static KvmCoopVcpuList *vcpu_list(void)
{
    KvmCoopVcpuList *list = NULL, **tail = &list;
    CPUState *cs;

    CPU_FOREACH(cs) {
        KvmCoopVcpu *vcpu = g_new0(KvmCoopVcpu, 1);

        vcpu->cpu_index = cs->cpu_index;
        vcpu->qom_path = object_get_canonical_path(OBJECT(cs));
        vcpu->thread_id = cs->thread_id;
        vcpu->state = vcpu_state(X86_CPU(cs));
        vcpu->counters = g_new0(KvmCoopCounters, 1);
        QAPI_LIST_APPEND(tail, vcpu);
    }
    return list;
}

static StatsResultList *query_counters(Error **errp)
{
    StatsRequest request = { .provider = STATS_PROVIDER_KVM };
    StatsRequestList providers = { .value = &request };
    StatsFilter filter = {
        .target = STATS_TARGET_VCPU,
        .has_providers = true,
        .providers = &providers,
    };
    strList **tail = &request.names;
    StatsResultList *results;

    request.has_names = true;
    for (size_t i = 0; i < ARRAY_SIZE(counters); i++) {
        QAPI_LIST_APPEND(tail, g_strdup(counters[i].name));
    }
    results = qmp_query_stats(&filter, errp);
    qapi_free_strList(request.names);
    return results;
}

static void set_counter(KvmCoopCounters *to, const Stats *stats)
{
    for (size_t i = 0; i < ARRAY_SIZE(counters); i++) {
        if (g_str_equal(stats->name, counters[i].name) &&
            stats->value->type == QTYPE_QNUM) {
            *(uint64_t *)((char *)to + counters[i].offset) =
                stats->value->u.scalar;
        }
    }
}

static void set_counters(KvmCoopVcpuList *vcpus, const StatsResult *result)
{
    for (; vcpus; vcpus = vcpus->next) {
        if (!g_str_equal(vcpus->value->qom_path, result->qom_path)) {
            continue;
        }
        for (StatsList *s = result->stats; s; s = s->next) {
            set_counter(vcpus->value->counters, s->value);
        }
    }
}

static KvmCoopPolicyName policy_name(uint32_t policy)
{
    switch (policy) {
    case KVM_COOP_POLICY_RT:
        return KVM_COOP_POLICY_NAME_RT;
    case KVM_COOP_POLICY_FAIR:
        return KVM_COOP_POLICY_NAME_FAIR;
    default:
        return KVM_COOP_POLICY_NAME_NONE;
    }
}

KvmCoopInfo *qmp_query_kvm_coop(Error **errp)
{
    const struct kvm_coop_config *config = kvm_coop_config();
    KvmCoopInfo *info = g_new0(KvmCoopInfo, 1);
    g_autoptr(StatsResultList) results = NULL;
    ERRP_GUARD();

    if (!config) {
        return info;
    }
    info->enabled = true;
    info->has_policy = true;
    info->policy = policy_name(config->policy);
    info->has_charge = true;
    info->charge = !(config->flags & KVM_COOP_CONFIG_NO_CHARGE);
    info->has_spread = true;
    info->spread = config->flags & KVM_COOP_CONFIG_SPREAD;
    info->has_features = true;
    info->features = feature_list(config->features);
    info->vcpus = vcpu_list();
    results = query_counters(errp);
    if (*errp) {
        qapi_free_KvmCoopInfo(info);
        return NULL;
    }
    for (StatsResultList *r = results; r; r = r->next) {
        set_counters(info->vcpus, r->value);
    }
    return info;
}

static void print_features(Monitor *mon, const KvmCoopFeatureList *list)
{
    monitor_printf(mon, "features:");
    for (; list; list = list->next) {
        monitor_printf(mon, " %s", KvmCoopFeature_str(list->value));
    }
    monitor_printf(mon, "\n");
}

static void print_state(Monitor *mon, const KvmCoopState *s)
{
    monitor_printf(mon, "  %s, %s%s%s%s, budget left %" PRIu64 " us, ",
                   KvmCoopRunState_str(s->run_state),
                   s->registered ? "registered" : "not registered",
                   s->boosted ? ", boosted" : "",
                   s->throttled ? ", throttled" : "",
                   s->hands_off ? ", hands off" : "",
                   s->budget_left_ns / SCALE_US);
    print_features(mon, s->features);
}

static void print_counters(Monitor *mon, const KvmCoopCounters *c)
{
    monitor_printf(mon, "  boosts: irq %" PRIu64 ", rt %" PRIu64 ", kept %"
                   PRIu64 "; %" PRIu64 " us boosted\n",
                   c->boosts_irq, c->boosts_rt, c->boosts_kept,
                   c->boosted_ns / SCALE_US);
    monitor_printf(mon, "  ends: yield %" PRIu64 ", exit %" PRIu64
                   ", expired %" PRIu64 ", wakeup %" PRIu64 ", user %" PRIu64
                   "; %" PRIu64 " yields\n",
                   c->ends_yield, c->ends_exit, c->ends_expired,
                   c->ends_wakeup, c->ends_user, c->yields);
    monitor_printf(mon, "  refused: debt %" PRIu64 ", class %" PRIu64
                   "; deferrals: %" PRIu64 "; page misses: %" PRIu64 "\n",
                   c->refused_debt, c->refused_class, c->deferrals,
                   c->page_misses);
    monitor_printf(mon, "  preempted: %" PRIu64 ", in a critical section %"
                   PRIu64 ", notified %" PRIu64 ", answered %" PRIu64
                   "; spread %" PRIu64 "\n",
                   c->preempted, c->preempted_critical, c->notified,
                   c->notified_acked, c->spread);
}

static void hmp_info_kvm_coop(Monitor *mon, const QDict *qdict)
{
    g_autoptr(KvmCoopInfo) info = NULL;
    Error *err = NULL;

    info = qmp_query_kvm_coop(&err);
    if (hmp_handle_error(mon, err)) {
        return;
    }
    if (!info->enabled) {
        monitor_printf(mon, "kvm-coop: not enabled\n");
        return;
    }
    monitor_printf(mon, "kvm-coop: policy %s, charge %s, spread %s, ",
                   KvmCoopPolicyName_str(info->policy),
                   info->charge ? "on" : "off", info->spread ? "on" : "off");
    print_features(mon, info->features);
    for (KvmCoopVcpuList *v = info->vcpus; v; v = v->next) {
        monitor_printf(mon, "CPU %" PRId64 ": thread %" PRId64 "\n",
                       v->value->cpu_index, v->value->thread_id);
        if (v->value->state) {
            print_state(mon, v->value->state);
        }
        print_counters(mon, v->value->counters);
    }
}

static void kvm_coop_register_hmp(void)
{
    monitor_register_hmp("kvm-coop", true, hmp_info_kvm_coop);
}

type_init(kvm_coop_register_hmp);
