// SPDX-License-Identifier: GPL-2.0
#include "bench/lib/fairshare.h"

void fairshare_subtract(struct fairshare_sample *window, const struct fairshare_sample *b,
			const struct fairshare_sample *a, unsigned int cotenants)
{
	window->wall = b->wall - a->wall;
	window->above = b->above - a->above;
	window->light = b->light - a->light;
	window->aggressors = b->aggressors - a->aggressors;
	for (unsigned int i = 0; i < cotenants; i++)
		window->cotenant[i] = b->cotenant[i] - a->cotenant[i];
}

static void least(double *min, double value, unsigned int before)
{
	if (!before || value < *min)
		*min = value;
}

void fairshare_add(struct fairshare *f, const struct fairshare_sample *window)
{
	unsigned int hogs = f->cotenants + f->aggressors;
	double equal = (double)(window->wall - window->above) / (hogs + f->light);
	double light = equal * f->light, maxmin;
	unsigned int before = f->windows * f->cotenants;

	if (equal <= 0)
		return;
	/* One that took more than its share may not lower what is fair for the others. */
	if (window->light < light)
		light = window->light;
	maxmin = (window->wall - window->above - light) / hogs;
	for (unsigned int i = 0; i < f->cotenants; i++, before++) {
		double ratio = window->cotenant[i] / equal;

		least(&f->min, ratio, before);
		least(&f->maxmin_min, window->cotenant[i] / maxmin, before);
		f->mean += (ratio - f->mean) / (before + 1);
	}
	f->windows++;
}
