import { z } from "zod";

type Path = readonly PropertyKey[];

/** The schema that a path of the config is checked with, through the wrappers that zod puts around objects. */
export function schemaAt(schema: z.core.$ZodType, path: Path): z.core.$ZodType | undefined {
  const inner = unwrap(schema);
  const [head, ...rest] = path;
  if (head === undefined) return schema;
  const child = childOf(inner, head);
  return child === undefined ? undefined : schemaAt(child, rest);
}

/** The keys that are valid in the object at a path. */
export function knownKeys(schema: z.core.$ZodType, path: Path): string[] {
  const found = schemaAt(schema, path);
  const inner = found === undefined ? undefined : unwrap(found);
  return inner instanceof z.ZodObject ? Object.keys(inner.shape) : [];
}

export function descriptionAt(schema: z.core.$ZodType, path: Path): string | undefined {
  const found = schemaAt(schema, path);
  return found === undefined ? undefined : ownDescription(found);
}

/** A wrapper around a described schema has no description of its own. */
function ownDescription(schema: z.core.$ZodType): string | undefined {
  const description = schema instanceof z.ZodType ? schema.description : undefined;
  const inner = unwrapOnce(schema);
  return description ?? (inner === schema ? undefined : ownDescription(inner));
}

function childOf(schema: z.core.$ZodType, key: PropertyKey): z.core.$ZodType | undefined {
  if (schema instanceof z.ZodObject) return schema.shape[String(key)];
  if (schema instanceof z.ZodRecord) return schema.valueType;
  if (schema instanceof z.ZodArray) return schema.element;
  return undefined;
}

function unwrap(schema: z.core.$ZodType): z.core.$ZodType {
  const inner = unwrapOnce(schema);
  return inner === schema ? schema : unwrap(inner);
}

function unwrapOnce(schema: z.core.$ZodType): z.core.$ZodType {
  if (schema instanceof z.ZodOptional || schema instanceof z.ZodDefault || schema instanceof z.ZodPrefault) {
    return schema.unwrap();
  }
  return schema instanceof z.ZodPipe ? schema.in : schema;
}
