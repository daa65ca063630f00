// SPDX-License-Identifier: GPL-2.0
#include <arpa/inet.h>
#include <fcntl.h>
#include <linux/if_tun.h>
#include <net/if.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include "bench/lib/tap.h"

struct sockaddr_in tap_address(int network, int which, int port)
{
	return (struct sockaddr_in){ .sin_family = AF_INET,
				     .sin_port = htons(port),
				     .sin_addr.s_addr =
					     htonl(10u << 24 | 77u << 16 | network << 8 | which) };
}

void tap_name(char name[TAP_NAME_MAX], int network)
{
	snprintf(name, TAP_NAME_MAX, "coop%d", network);
}

static int set_address(int fd, const char *interface, unsigned long request, struct sockaddr_in in)
{
	struct ifreq ifr = { 0 };

	snprintf(ifr.ifr_name, sizeof(ifr.ifr_name), "%s", interface);
	memcpy(&ifr.ifr_addr, &in, sizeof(in));
	return ioctl(fd, request, &ifr);
}

int tap_configure(const char *interface, int network, int which)
{
	const struct sockaddr_in mask = { .sin_family = AF_INET,
					  .sin_addr.s_addr = htonl(0xffffff00) };
	int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	struct ifreq ifr = { .ifr_flags = IFF_UP | IFF_RUNNING };
	int ret;

	snprintf(ifr.ifr_name, sizeof(ifr.ifr_name), "%s", interface);
	ret = set_address(fd, interface, SIOCSIFADDR, tap_address(network, which, 0)) ||
	      set_address(fd, interface, SIOCSIFNETMASK, mask) || ioctl(fd, SIOCSIFFLAGS, &ifr);
	if (fd >= 0)
		close(fd);
	return ret ? -1 : 0;
}

int tap_make(int network)
{
	struct ifreq ifr = { .ifr_flags = IFF_TAP | IFF_NO_PI };
	int fd = open("/dev/net/tun", O_RDWR | O_CLOEXEC), ret;

	tap_name(ifr.ifr_name, network);
	ret = fd < 0 || ioctl(fd, TUNSETIFF, &ifr) || ioctl(fd, TUNSETPERSIST, 1) ||
	      tap_configure(ifr.ifr_name, network, TAP_HOST);
	if (fd >= 0)
		close(fd);
	return ret ? -1 : 0;
}
