/* Sockets for the native build: what channel.ts asks for, in as few system calls as Linux allows.
 *
 * The compiler's own network layer does work for every connection at every event and knows no
 * sendfile; with 5,000 idle connections a request cost it fifteen times as much. Here an event costs the same
 * however many connections there are. Numbers cross as doubles, byte strings as pointer and length.
 * Results below zero: AGAIN (nothing now), BROKEN (the connection is of no more use), or -errno where said.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <signal.h>
#include <stdint.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/sendfile.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

enum { AGAIN = -1, BROKEN = -2, MAX_EVENTS = 256, BACKLOG = 4096 };
enum { PAGE = 4096, SLICE = 15 * PAGE, MAX_SLICES = 4 };
enum { READABLE = 1, WRITABLE = 2, GONE = 4 };

static int poller = -1;
static int event_count;
static struct epoll_event events[MAX_EVENTS];
static volatile sig_atomic_t caught;
static sigset_t unblocked;
static struct sockaddr_in6 last_peer;

static void catch_signal(int number) { caught = number; }

/* Signals are let in during sg_wait alone, so that none slips in between a look at `caught` and the wait. */
double sg_open(void) {
  struct sigaction action = {.sa_handler = catch_signal};
  sigset_t blocked;
  signal(SIGPIPE, SIG_IGN); /* a log whose reader went away must not end the server */
  sigemptyset(&blocked);
  sigaddset(&blocked, SIGTERM);
  sigaddset(&blocked, SIGINT);
  sigaddset(&blocked, SIGHUP);
  sigprocmask(SIG_BLOCK, &blocked, &unblocked);
  sigdelset(&unblocked, SIGTERM);
  sigdelset(&unblocked, SIGINT);
  sigdelset(&unblocked, SIGHUP);
  sigaction(SIGTERM, &action, NULL);
  sigaction(SIGINT, &action, NULL);
  sigaction(SIGHUP, &action, NULL);
  poller = epoll_create1(EPOLL_CLOEXEC);
  return poller < 0 ? -errno : 0;
}

/* Fills an address from text; "" is every address, IPv4 included. Returns its length, or 0. */
static socklen_t parse_address(struct sockaddr_in6 *to, const uint8_t *host, size_t length, int port) {
  char text[64];
  struct sockaddr_in *v4 = (struct sockaddr_in *)to;
  if (length >= sizeof text) return 0;
  memcpy(text, host, length);
  text[length] = 0;
  memset(to, 0, sizeof *to);
  if (inet_pton(AF_INET, text, &v4->sin_addr) == 1) {
    v4->sin_family = AF_INET;
    v4->sin_port = htons(port);
    return sizeof *v4;
  }
  if (length != 0 && inet_pton(AF_INET6, text, &to->sin6_addr) != 1) return 0;
  to->sin6_family = AF_INET6;
  to->sin6_port = htons(port);
  return sizeof *to;
}

static double watch(int operation, int fd, int interest) {
  struct epoll_event event = {.data.fd = fd};
  event.events = ((interest & READABLE) ? EPOLLIN : 0) | ((interest & WRITABLE) ? EPOLLOUT : 0);
  return epoll_ctl(poller, operation, fd, &event) < 0 ? -errno : 0;
}

/* Listens on an address; -errno, where EINVAL also stands for text that is no address. */
double sg_listen(const uint8_t *host, size_t length, double port) {
  struct sockaddr_in6 address;
  socklen_t size = parse_address(&address, host, length, (int)port);
  int on = 1, off = 0, fd, failure;
  if (size == 0) return -EINVAL;
  fd = socket(address.sin6_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
  if (fd < 0 && length == 0) { /* a kernel without IPv6 */
    size = parse_address(&address, (const uint8_t *)"0.0.0.0", 7, (int)port);
    fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
  }
  if (fd < 0) return -errno;
  setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
  setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on); /* accepted sockets inherit it */
  if (length == 0) setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &off, sizeof off);
  if (bind(fd, (struct sockaddr *)&address, size) < 0 || listen(fd, BACKLOG) < 0) {
    failure = errno;
    close(fd);
    return -failure;
  }
  watch(EPOLL_CTL_ADD, fd, READABLE);
  return fd;
}

/* Waits for events or a signal; a negative time waits without end. Returns how many events there are. */
double sg_wait(double timeout_ms) {
  event_count = epoll_pwait(poller, events, MAX_EVENTS, (int)timeout_ms, &unblocked);
  if (event_count < 0) event_count = 0;
  return event_count;
}

double sg_event_descriptor(double index) { return events[(int)index].data.fd; }

double sg_event_flags(double index) {
  uint32_t set = events[(int)index].events;
  return ((set & EPOLLIN) ? READABLE : 0) | ((set & EPOLLOUT) ? WRITABLE : 0) |
         ((set & (EPOLLERR | EPOLLHUP)) ? GONE : 0);
}

/* The signal that came since the last call, or 0. */
double sg_signal(void) {
  int number = caught;
  caught = 0;
  return number;
}

/* A new connection's descriptor, watched for reading; AGAIN, or BROKEN where descriptors or memory ran out. */
double sg_accept(double listener) {
  socklen_t size = sizeof last_peer;
  int fd;
  do {
    fd = accept4((int)listener, (struct sockaddr *)&last_peer, &size, SOCK_NONBLOCK | SOCK_CLOEXEC);
  } while (fd < 0 && (errno == EINTR || errno == ECONNABORTED));
  if (fd < 0) return errno == EMFILE || errno == ENFILE || errno == ENOMEM || errno == ENOBUFS ? BROKEN : AGAIN;
  if (watch(EPOLL_CTL_ADD, fd, READABLE) < 0) {
    close(fd);
    return BROKEN;
  }
  return fd;
}

/* Writes the last accepted peer's address as text; returns its length. */
double sg_peer(const uint8_t *target, size_t size) {
  const struct sockaddr_in *v4 = (const struct sockaddr_in *)&last_peer;
  const void *bytes = last_peer.sin6_family == AF_INET ? (const void *)&v4->sin_addr : (const void *)&last_peer.sin6_addr;
  if (inet_ntop(last_peer.sin6_family, bytes, (char *)target, size) == NULL) return 0;
  return strlen((const char *)target);
}

/* Changes what a connection, or the listener, is watched for. */
double sg_watch(double fd, double interest) { return watch(EPOLL_CTL_MOD, (int)fd, (int)interest); }

static double failure(void) { return errno == EAGAIN || errno == EWOULDBLOCK || errno == EINTR ? AGAIN : BROKEN; }

/* Reads into the target: how many bytes, 0 at the peer's end, AGAIN or BROKEN. */
double sg_receive(double fd, const uint8_t *target, size_t size) {
  ssize_t count = recv((int)fd, (void *)target, size, 0);
  return count < 0 ? failure() : count;
}

/* Sends the bytes from `from` on; `more` holds a short packet back for what follows. */
double sg_send(double fd, const uint8_t *bytes, size_t size, double from, double more) {
  ssize_t count = send((int)fd, bytes + (size_t)from, size - (size_t)from, MSG_NOSIGNAL | (more != 0 ? MSG_MORE : 0));
  return count < 0 ? failure() : count;
}

/*
 * Sends part of a file from the page cache: what there is room for, some slices at most; BROKEN where the file is shorter.
 *
 * A slice is whole pages that fit into one packet. Asked for more, the kernel takes 16 pages at a time, 53 bytes more
 * than a packet of the loopback device holds: it sends a full packet and, on its own, the crumb, and each wakes a
 * receiver that waits. 200 MB went out at 2.6 GB/s for 370 us of processor time a MB; in slices it is 5.3 GB/s for 180.
 * Between containers (1,448 bytes a segment) it is 4.5 instead of 3.0 GB/s.
 */
double sg_send_file(double fd, double file, double position, double count) {
  off_t at = (off_t)position, end = at + (off_t)(count < MAX_SLICES * SLICE ? count : MAX_SLICES * SLICE);
  ssize_t sent, asked;
  do {
    asked = SLICE - at % PAGE;
    if (asked > end - at) asked = end - at;
    sent = sendfile((int)fd, (int)file, &at, (size_t)asked);
  } while (sent == asked && at < end);
  if (at > (off_t)position) return at - (off_t)position;
  return sent < 0 ? failure() : BROKEN;
}

void sg_end(double fd) { shutdown((int)fd, SHUT_WR); }

void sg_close(double fd) { close((int)fd); }

double sg_descriptor_limit(void) {
  struct rlimit limit;
  return getrlimit(RLIMIT_NOFILE, &limit) < 0 ? 1024 : (double)limit.rlim_cur;
}

/* Connects, for the health check; every later step on the socket is bound by the same time. */
double sg_connect(const uint8_t *host, size_t length, double port, double timeout_ms) {
  struct sockaddr_in6 address;
  struct timeval limit = {.tv_sec = (time_t)(timeout_ms / 1000)};
  socklen_t size = parse_address(&address, host, length, (int)port);
  int fd = size == 0 ? -1 : socket(address.sin6_family, SOCK_STREAM | SOCK_CLOEXEC, 0);
  if (fd < 0) return BROKEN;
  setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &limit, sizeof limit);
  setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof limit);
  if (connect(fd, (struct sockaddr *)&address, size) == 0) return fd;
  close(fd);
  return BROKEN;
}
