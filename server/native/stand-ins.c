/*
 * Stands in for functions of libc: for one that compares a byte at a time, and for two that the runtime names but that this program never needs, each of which would bring
 * a part of libc along: sscanf (12 kB, for a hidden argument of child processes that scriptc's runtime looks for at the
 * start) and localtime_r (8 kB, time zones; all our times are UTC). Static musl build only.
 */
#ifdef SCR_MUSL
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <time.h>

typedef uint64_t __attribute__((may_alias, aligned(1))) word;

/* Eight bytes at a time: every request's fields go through here, half a kilobyte from a browser. */
int memcmp(const void *left, const void *right, size_t count) {
  const unsigned char *a = left, *b = right;
  while (count >= sizeof(word) && *(const word *)a == *(const word *)b) {
    a += sizeof(word);
    b += sizeof(word);
    count -= sizeof(word);
  }
  while (count > 0 && *a == *b) {
    a++;
    b++;
    count--;
  }
  return count > 0 ? *a - *b : 0;
}

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
