/* Mixes a file's content into the hash for its tag; ../content-hash.ts says which. Little-endian machines only. */
#include <stdint.h>
#include <string.h>

static uint32_t rotate(uint32_t value, int bits) { return value << bits | value >> (32 - bits); }

static void mix(uint32_t state[4], const uint8_t *block) {
  uint32_t word[4];
  memcpy(word, block, sizeof word);
  state[0] ^= rotate(word[0] * 0x239b961b, 15) * 0xab0e9789;
  state[0] = (rotate(state[0], 19) + state[1]) * 5 + 0x561ccd1b;
  state[1] ^= rotate(word[1] * 0xab0e9789, 16) * 0x38b34ae5;
  state[1] = (rotate(state[1], 17) + state[2]) * 5 + 0x0bcaa747;
  state[2] ^= rotate(word[2] * 0x38b34ae5, 17) * 0xa1e38b93;
  state[2] = (rotate(state[2], 15) + state[3]) * 5 + 0x96cd1c35;
  state[3] ^= rotate(word[3] * 0xa1e38b93, 18) * 0x239b961b;
  state[3] = (rotate(state[3], 13) + state[0]) * 5 + 0x32ac3b17;
}

/* `target` holds the state, 16 bytes; a last block that is short is filled up with zeros. */
void sg_mix(const uint8_t *target, size_t target_size, const uint8_t *bytes, size_t size, double length) {
  uint32_t state[4];
  uint8_t last[16] = {0};
  size_t left = (size_t)length;
  if (target_size < sizeof state || left > size) return;
  memcpy(state, target, sizeof state);
  for (; left >= 16; left -= 16, bytes += 16) mix(state, bytes);
  memcpy(last, bytes, left);
  if (left > 0) mix(state, last);
  memcpy((uint8_t *)target, state, sizeof state);
}
