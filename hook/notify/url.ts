import type { SecretRule } from "../config/fields.ts";

/** The rule for a URL that is written like a secret, because whoever has it can post there. */
export function isHttpUrl(example: string): SecretRule {
  return (text) => {
    const url = URL.parse(text);
    if (url === null || !/^https?:$/.test(url.protocol))
      return `must be an http or https URL, such as ${example}`;
    if (url.username !== "" || url.password !== "") return "must not have a user or a password in it";
    return undefined;
  };
}
