import type { FastifyInstance, FastifyRequest } from "fastify";
import { z } from "zod";
import { HttpError } from "../../http/errors.ts";
import type { Caller } from "./caller.ts";
import type { ApiRoute, Call } from "./route.ts";

const nothing = z.strictObject({});

/** JSON and nothing else: a form, which a browser would send to anybody for anybody, is refused. */
export function acceptJsonOnly(app: FastifyInstance): void {
  app.removeAllContentTypeParsers();
  app.addContentTypeParser("application/json", { parseAs: "string" }, (_request, text, done) => {
    try {
      done(null, JSON.parse(text.toString()));
    } catch {
      // The parser's own message quotes the body.
      done(new HttpError("malformed_body", "it is not JSON"));
    }
  });
}

/** What a route is asked, checked against its schemas. */
export function readCall(route: ApiRoute, request: FastifyRequest, caller: Caller): Call {
  const { headers, params } = request;
  const lastEventId = headers["last-event-id"];
  return {
    caller,
    params: params as Record<string, string>,
    query: check(route.query, request.query, "invalid_query"),
    body: readBody(route, request),
    lastEventId: /^\d{1,15}$/.test(String(lastEventId)) ? Number(lastEventId) : undefined,
    idempotencyKey: route.idempotent ? readKey(headers["idempotency-key"]) : undefined,
    acceptsEvents: /\btext\/event-stream\b/.test(headers.accept ?? ""),
  };
}

/** No body at all is an empty object: `curl -X POST …/pause` says all there is to say. */
function readBody({ body, method }: ApiRoute, request: FastifyRequest): unknown {
  return method === "GET" ? undefined : check(body ?? nothing, request.body ?? {}, "invalid_body");
}

function readKey(key: string | string[] | undefined): string | undefined {
  if (key === undefined) return undefined;
  if (typeof key === "string" && /^[\x21-\x7e]{1,128}$/.test(key)) return key;
  throw new HttpError("bad_request", "Idempotency-Key must be 1 to 128 visible characters");
}

function check(schema: z.ZodType, value: unknown, code: "invalid_query" | "invalid_body"): unknown {
  const parsed = schema.safeParse(value);
  if (parsed.success) return parsed.data;
  const problems = parsed.error.issues.map(({ path, message }) => [...path, message].join(": "));
  throw new HttpError(code, problems.join("; ").slice(0, 300));
}
