/* The access log goes to stdout: when its reader goes away, a write must fail
 * with EPIPE instead of ending the server by SIGPIPE. The runtime leaves the
 * default action in place, so it is changed before main() runs. */
#include <signal.h>

__attribute__((constructor)) static void ignore_sigpipe(void) { signal(SIGPIPE, SIG_IGN); }
