import { HttpError } from "../../http/errors.ts";
import { hashOfNothing, isSecret } from "../../secret/secret-hash.ts";
import type { ApiToken } from "./token.ts";

/** Who asks, and about which services: what is left of a token once it was found right. */
export interface Caller {
  /** The token's name: the actor of what it asks for. */
  name: string;
  /** `undefined`: all of them. */
  services: readonly string[] | undefined;
}

/** Every token is compared, also after one was found, so that the time tells nothing about which one is near. */
export function findToken<Token extends Pick<ApiToken, "hash">>(
  authorization: string,
  tokens: readonly Token[],
): Token | undefined {
  const given = /^Bearer +(\S+)$/i.exec(authorization)?.[1] ?? "";
  isSecret(given, hashOfNothing);
  return tokens.filter(({ hash }) => isSecret(given, hash))[0];
}

/** That a token is unknown is told from that there is none: whoever sends one learns nothing by it. */
export function refuseToken(authorization: string | undefined): HttpError {
  const isGiven = /^Bearer +\S/i.test(authorization ?? "");
  return new HttpError(
    "unauthorized",
    isGiven ? "the one that was sent is not known" : "Authorization: Bearer <token>",
  );
}

export function mayUse({ services }: Caller, service: string): boolean {
  return services?.includes(service) ?? true;
}

/** Asked before it is looked up whether there is such a service, so that the answer does not tell. */
export function requireService(caller: Caller, service: string): void {
  if (!mayUse(caller, service)) throw new HttpError("forbidden", "it is for other services");
}
