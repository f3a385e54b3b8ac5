/*
 * Stands in for two functions of libc that the runtime names but that this program never needs, each of which would bring
 * a part of libc along: sscanf (12 kB, for a hidden argument of child processes that scriptc's runtime looks for at the
 * start) and localtime_r (8 kB, time zones; all our times are UTC). Static musl build only.
 */
#ifdef SCR_MUSL
#include <stddef.h>
#include <stdio.h>
#include <time.h>

int sscanf(const char *restrict text, const char *restrict format, ...) {
  (void)text;
  (void)format;
  return 0;
}

struct tm *localtime_r(const time_t *restrict time, struct tm *restrict result) {
  (void)time;
  (void)result;
  return NULL;
}
#endif
