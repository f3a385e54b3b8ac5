import { z } from "zod";

type Path = readonly PropertyKey[];

/** The schema that a path of the config is checked with, through the wrappers that zod puts around objects. */
export function schemaAt(schema: z.core.$ZodType, path: Path): z.core.$ZodType | undefined {
  const [head, ...rest] = path;
  if (head === undefined) return schema;
  for (const variant of variantsOf(schema)) {
    const child = childOf(unwrap(variant), head);
    if (child !== undefined) return schemaAt(child, rest);
  }
  return undefined;
}

/**
 * A key that may have values of several forms is checked by a function, as a union's messages would be about all of
 * its forms at once. It tells the forms here, the usual one first.
 */
export function describeVariants(variants: readonly z.core.$ZodType[]): { variants: typeof variants } {
  return { variants };
}

function toldVariants(schema: z.core.$ZodType): readonly z.core.$ZodType[] {
  const told = schema instanceof z.ZodUnknown ? schema.meta()?.["variants"] : undefined;
  return Array.isArray(told) ? told : [];
}

function variantsOf(schema: z.core.$ZodType): readonly z.core.$ZodType[] {
  const told = toldVariants(schema);
  if (told.length > 0) return told;
  const inner = unwrapOnce(schema);
  return inner === schema ? [schema] : variantsOf(inner);
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

/** Whether the text at a path is a template (`Fields.template`). */
export function isTemplateAt(schema: z.core.$ZodType, path: Path): boolean {
  const found = schemaAt(schema, path);
  const inner = found === undefined ? undefined : unwrap(found);
  return inner instanceof z.ZodType && inner.meta()?.["isTemplate"] === true;
}

/** Marks what holds a secret, in whatever form: `isSecretSchema` tells. */
export function asSecret<Schema extends z.ZodType>(schema: Schema): Schema {
  return schema.meta({ isSecret: true });
}

export function isSecretSchema(schema: z.core.$ZodType): boolean {
  const inner = unwrap(schema);
  return inner instanceof z.ZodType && inner.meta()?.["isSecret"] === true;
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
  if (schema instanceof z.ZodArray) return /^\d+$/.test(String(key)) ? schema.element : undefined;
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
  const [usual] = toldVariants(schema);
  if (usual !== undefined) return usual;
  return schema instanceof z.ZodPipe ? schema.in : schema;
}
