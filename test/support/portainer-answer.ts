/** What the loopback Portainer answers with. */
export type Answer = { status: number; body?: object };

/** pkg/libhttp/error/error.go: writeErrorResponse. */
export function failure(status: number, message: string, details: string): Answer {
  return { status, body: { message, details: `${details.slice(0, 1).toUpperCase()}${details.slice(1)}` } };
}
