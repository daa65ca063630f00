// SPDX-License-Identifier: GPL-2.0
#include <curses.h>
#include <time.h>

#include "tools/coopstat/coopstat.h"

static SCREEN *terminal;

int screen_begin(void)
{
	terminal = newterm(NULL, stdout, stdin);
	if (!terminal)
		return -1;
	set_term(terminal);
	cbreak();
	noecho();
	curs_set(0);
	keypad(stdscr, TRUE);
	return 0;
}

void screen_end(void)
{
	if (!terminal)
		return;
	endwin();
	delscreen(terminal);
	terminal = NULL;
}

static void put(int row, const char *line, int attribute)
{
	attrset(attribute);
	mvaddnstr(row, 0, line, COLS);
	attrset(A_NORMAL);
}

/* As many VMs as fit; the last line says what is missing. */
void screen_show(const struct vms *vms, const struct view *view)
{
	char line[LINE_MAX_LEN], text[20];
	time_t now = time(NULL);
	int row = 2, hidden = 0;

	erase();
	strftime(text, sizeof(text), "%T", localtime(&now));
	snprintf(line, sizeof(line), "coopstat %s  %d VMs%s  q: leave", text, vms->n,
		 view->per_second ? "  counters per second" : "");
	put(0, line, A_BOLD);
	format_head(line);
	put(1, line, A_REVERSE);
	for (int i = 0; i < vms->n; i++) {
		const struct vm *vm = &vms->vm[i];

		for (int j = 0; j <= vm->vcpus; j++) {
			if (row >= LINES - 1) {
				hidden++;
				continue;
			}
			if (j < vm->vcpus)
				format_vcpu(line, vm, &vm->vcpu[j], view);
			else
				format_io(line, vm, view);
			put(row++, line, j < vm->vcpus ? A_NORMAL : A_DIM);
		}
	}
	if (hidden) {
		snprintf(line, sizeof(line), "%d more lines", hidden);
		put(LINES - 1, line, A_BOLD);
	}
	refresh();
}

bool screen_wait(int ms)
{
	int key;

	timeout(ms);
	key = getch();
	return key == 'q' || key == 'Q';
}
