/** What a registry wants to see: a user with a password, or the token that `docker login` got for one. */
export type Credentials = { username: string; password: string } | { identityToken: string };

/** Thrown when credentials were asked for and could not be had; the message holds none of them. */
export class CredentialsError extends Error {}

export interface CredentialLookup {
  environment: Readonly<Record<string, string | undefined>>;
  signal: AbortSignal;
}
