import { z } from "zod";
import packageJson from "../../../package.json" with { type: "json" };
import { type ErrorCode, errors } from "../../http/errors.ts";
import type { ApiRoute } from "./route.ts";
import { errorSchema, namedSchemas, serviceNameSchema } from "./schemas.ts";

type Json = Record<string, unknown>;

/** The API in OpenAPI's words, out of the very values that it is served from. */
export function describeApi(routes: readonly ApiRoute[]): Json {
  const paths: Record<string, Json> = {};
  for (const route of routes) {
    const path = route.url.replace(/:(\w+)/g, "{$1}");
    paths[path] = { ...paths[path], [route.method.toLowerCase()]: describeOperation(route) };
  }
  return {
    openapi: "3.1.1",
    info: {
      title: "statigo hook",
      version: packageJson.version,
      description:
        "What the deploy hook knows and does. Every request needs a bearer token of the config's `api.tokens`.",
    },
    // Wherever this document came from: the hook does not know its own public address.
    servers: [{ url: "/" }],
    security: [{ token: [] }],
    paths,
    components: {
      securitySchemes: { token: { type: "http", scheme: "bearer" } },
      schemas: describeSchemas(),
    },
  };
}

function describeOperation(route: ApiRoute): Json {
  return {
    operationId: route.operation,
    summary: route.summary,
    description: `Needs the scope \`${route.scope}\`.`,
    parameters: [...pathParameters(route), ...queryParameters(route), ...headerParameters(route)],
    ...(route.body && { requestBody: describeBody(route.body) }),
    responses: { [route.answer.status]: describeAnswer(route), ...describeErrors(route) },
  };
}

function pathParameters({ url }: ApiRoute): Json[] {
  return [...url.matchAll(/:(\w+)/g)].map(([, name]) => ({
    name,
    in: "path",
    required: true,
    schema: name === "service" ? inline(serviceNameSchema) : { type: "integer", minimum: 1 },
  }));
}

function queryParameters({ query }: ApiRoute): Json[] {
  return Object.entries(query.shape).map(([name, field]) => {
    const { description, ...schema } = inline(field as z.ZodType);
    return { name, in: "query", required: false, schema, ...(description !== undefined && { description }) };
  });
}

function headerParameters({ answer, idempotent }: ApiRoute): Json[] {
  const key = {
    name: "Idempotency-Key",
    in: "header",
    description: "the same key again is answered with the deployment that it made the first time",
    schema: { type: "string", minLength: 1, maxLength: 128 },
  };
  const lastEventId = {
    name: "Last-Event-ID",
    in: "header",
    description: "the id of the last event that arrived: what came after it follows",
    schema: { type: "integer", minimum: 0 },
  };
  return [...(idempotent ? [key] : []), ...(answer.events ? [lastEventId] : [])];
}

function describeBody(body: z.ZodObject): Json {
  const isNeeded = !body.safeParse({}).success;
  return { required: isNeeded, content: { "application/json": { schema: reference(body) } } };
}

function describeAnswer({ answer: { schema, events, status } }: ApiRoute): Json {
  return {
    description: events?.description ?? (status === 202 ? "Stored, and will be done" : "As asked for"),
    content: {
      ...(events?.when !== "always" && { "application/json": { schema: reference(schema) } }),
      ...(events && { "text/event-stream": { schema: { type: "string" } } }),
    },
  };
}

function describeErrors(route: ApiRoute): Json {
  const byStatus: Record<number, ErrorCode[]> = {};
  for (const code of codesOf(route)) {
    const { status } = errors[code];
    byStatus[status] = [...(byStatus[status] ?? []), code];
  }
  const content = { "application/json": { schema: reference(errorSchema) } };
  return Object.fromEntries(
    Object.entries(byStatus).map(([status, codes]) => {
      const description = codes.map((code) => `\`${code}\`: ${errors[code].message}`).join("; ");
      return [status, { description, content }];
    }),
  );
}

/** Everything that a route may answer besides what was asked for. */
export function codesOf({ query, body, method, errors: own }: ApiRoute): ErrorCode[] {
  const hasQuery = Object.keys(query.shape).length > 0;
  return [
    ...(["unauthorized", "forbidden"] as const),
    ...(hasQuery ? (["invalid_query"] as const) : []),
    ...(body
      ? (["malformed_body", "invalid_body", "body_too_large", "unsupported_media_type"] as const)
      : []),
    ...own,
    ...(method === "POST" ? (["store_unavailable"] as const) : []),
  ];
}

const dialect = { io: "input", unrepresentable: "throw" } as const;

function inline(schema: z.ZodType): Json {
  const { $schema: _, ...described } = z.toJSONSchema(schema, dialect);
  return described;
}

function reference(schema: z.ZodObject): Json {
  return { $ref: uriOf(namedSchemas.get(schema)?.id ?? "") };
}

function describeSchemas(): Json {
  const { schemas } = z.toJSONSchema(namedSchemas, { ...dialect, uri: uriOf });
  return Object.fromEntries(
    Object.entries(schemas).map(([id, { $schema, $id, ...described }]) => [id, described]),
  );
}

function uriOf(id: string): string {
  return `#/components/schemas/${id}`;
}
