/**
 * A Buffer that throws where one of its bytes is read beyond its ends. On Node that gives undefined, but natively it
 * ends the process; so the fuzzers on Node find what would abort there.
 */
export function guardBuffer(buffer: Buffer): Buffer {
  return new Proxy(buffer, {
    get(target, key) {
      if (typeof key === "string" && /^-?\d+$/.test(key)) {
        const index = Number(key);
        if (index < 0 || index >= target.length) throw new RangeError(`read byte ${key} of ${target.length}`);
        return target[index];
      }
      const value: unknown = Reflect.get(target, key, target);
      return typeof value === "function" ? value.bind(target) : value;
    },
  });
}
