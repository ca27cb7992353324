// SPDX-License-Identifier: BSD-2-Clause
/*
 * One connect to 127.0.0.1 by another way than the system call of 64-bit programs:
 *
 *   connect_calls uring|uring-worker|32-bit tcp|udp PORT
 *
 * uring: IORING_OP_CONNECT, by the caller's own thread; uring-worker: by a thread of the kernel;
 * 32-bit: the system call of 32-bit programs, which x86-64 lets any program make. Prints the source
 * port and the errno of the outcome; exit status 3 when this machine does not have that way.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <linux/io_uring.h>
#include <netinet/in.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

#define NOT_HERE 3

struct ring {
	int fd;
	struct io_uring_sqe *sqes;
	struct io_uring_cqe *cqes;
	unsigned int *sq_tail, *sq_array, *cq_head, *cq_tail;
};

static void *map_ring(int fd, size_t bytes, off_t what)
{
	void *at = mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_SHARED, fd, what);

	if (at == MAP_FAILED) {
		perror("connect_calls: mmap");
		exit(1);
	}
	return at;
}

static struct ring open_ring(void)
{
	struct io_uring_params p = {};
	char *sq, *cq;
	struct ring r;

	r.fd = (int)syscall(SYS_io_uring_setup, 1, &p);
	if (r.fd < 0)
		exit(NOT_HERE); /* not built in, or switched off */
	sq = map_ring(r.fd, p.sq_off.array + p.sq_entries * sizeof(unsigned int), IORING_OFF_SQ_RING);
	cq = map_ring(r.fd, p.cq_off.cqes + p.cq_entries * sizeof(struct io_uring_cqe),
		      IORING_OFF_CQ_RING);
	r.sqes = map_ring(r.fd, p.sq_entries * sizeof(struct io_uring_sqe), IORING_OFF_SQES);
	r.sq_tail = (unsigned int *)(sq + p.sq_off.tail);
	r.sq_array = (unsigned int *)(sq + p.sq_off.array);
	r.cq_head = (unsigned int *)(cq + p.cq_off.head);
	r.cq_tail = (unsigned int *)(cq + p.cq_off.tail);
	r.cqes = (struct io_uring_cqe *)(cq + p.cq_off.cqes);
	return r;
}

static int connect_by_uring(int fd, const struct sockaddr_in *to, bool worker)
{
	struct ring r = open_ring();

	r.sqes[0] = (struct io_uring_sqe){
		.opcode = IORING_OP_CONNECT,
		.flags = worker ? IOSQE_ASYNC : 0,
		.fd = fd,
		.addr = (uint64_t)(uintptr_t)to,
		.off = sizeof(*to),
	};
	r.sq_array[0] = 0;
	__atomic_store_n(r.sq_tail, *r.sq_tail + 1, __ATOMIC_RELEASE);
	if (syscall(SYS_io_uring_enter, r.fd, 1, 1, IORING_ENTER_GETEVENTS, NULL, 0) != 1 ||
	    __atomic_load_n(r.cq_tail, __ATOMIC_ACQUIRE) == *r.cq_head) {
		perror("connect_calls: io_uring_enter");
		exit(1);
	}
	return -r.cqes[0].res;
}

#if defined(__x86_64__)
static void no_such_call(int signal)
{
	(void)signal;
	_exit(NOT_HERE);
}

/* Pointers of 32-bit programs have 32 bits. */
static int connect_by_32_bit(int fd, const struct sockaddr_in *to)
{
	enum { CONNECT = 362 }; /* arch/x86/entry/syscalls/syscall_32.tbl */
	struct sockaddr_in *low = mmap(NULL, 4096, PROT_READ | PROT_WRITE,
				       MAP_PRIVATE | MAP_ANONYMOUS | MAP_32BIT, -1, 0);
	long ret = CONNECT;

	if (low == MAP_FAILED)
		exit(NOT_HERE);
	*low = *to;
	signal(SIGSEGV, no_such_call);
	__asm__ volatile("int $0x80"
			 : "+a"(ret)
			 : "b"((long)fd), "c"(low), "d"(sizeof(*low))
			 : "memory", "r8", "r9", "r10", "r11");
	if ((int)ret == -ENOSYS)
		exit(NOT_HERE);
	return -(int)ret;
}
#else
static int connect_by_32_bit(int fd, const struct sockaddr_in *to)
{
	(void)fd, (void)to;
	exit(NOT_HERE);
}
#endif

int main(int argc, char **argv)
{
	struct sockaddr_in to = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	struct sockaddr_in from = {.sin_family = AF_INET};
	socklen_t len = sizeof(from);
	int fd, err;

	if (argc != 4) {
		fputs("usage: connect_calls uring|uring-worker|32-bit tcp|udp PORT\n", stderr);
		return 2;
	}
	to.sin_port = htons((uint16_t)atoi(argv[3]));
	fd = socket(AF_INET, strcmp(argv[2], "tcp") ? SOCK_DGRAM : SOCK_STREAM, 0);
	/* the port is known even when the connection fails */
	if (bind(fd, (struct sockaddr *)&from, sizeof(from))) {
		perror("connect_calls: bind");
		return 1;
	}
	if (!strcmp(argv[1], "32-bit"))
		err = connect_by_32_bit(fd, &to);
	else
		err = connect_by_uring(fd, &to, !strcmp(argv[1], "uring-worker"));
	getsockname(fd, (struct sockaddr *)&from, &len);
	printf("%u %d\n", ntohs(from.sin_port), err);
	return 0;
}
