/** A log for something that is tried again and again: what repeats is counted, not written each time. */
export interface RepeatLog {
  add(line: string): void;
  /** Writes how often the last line came. */
  end(): void;
}

export function createRepeatLog(write: (line: string) => void): RepeatLog {
  let last: string | undefined;
  let repeats = 0;

  function end() {
    if (repeats > 0) write(`… the same ${repeats === 1 ? "once" : `${repeats} times`} more`);
    repeats = 0;
  }

  function add(line: string) {
    if (line === last) {
      repeats += 1;
      return;
    }
    end();
    last = line;
    write(line);
  }

  return { add, end };
}
