import { z } from "zod";
import { checkedBy, isShareOrSize, parseCompression, type Rule } from "./rules.ts";
import { duration, parseDuration, size } from "./units.ts";

// Every key is built here, so that none goes without a description: it is the reference page, the
// example file and the JSON Schema.

const text = z.string().default("");

/** Text, empty unless set. */
export function textField(description: string, rule?: Rule) {
  return (rule ? text.superRefine(checkedBy(rule)) : text).meta({ description });
}

/** Text that must not be shown. */
export function secretField(description: string) {
  return text.meta({ description, "x-secret": true });
}

export function namedField(preset: string, description: string, rule: Rule) {
  return z.string().superRefine(checkedBy(rule)).default(preset).meta({ description });
}

export function switchField(preset: boolean, description: string) {
  return z.boolean().default(preset).meta({ description });
}

/** A whole number. */
export function countField(preset: number, description: string, minimum = 0) {
  return z.number().int().min(minimum).default(preset).meta({ description });
}

export function durationField(preset: string, description: string, minimum = "0") {
  const least = parseDuration(minimum) ?? 0;
  return duration
    .refine((ms) => ms >= least, { message: `it is less than ${minimum}` })
    .prefault(preset)
    .meta({ description });
}

export function sizeField(preset: string | number, description: string) {
  return size.prefault(preset).meta({ description });
}

/** One of a list of words; the first is the default. */
export function choiceField<const Choices extends readonly [string, ...string[]]>(
  choices: Choices,
  description: string,
  preset: Choices[number] = choices[0],
) {
  return z.enum(choices).default(preset).meta({ description });
}

export function shareField(preset: string, description: string) {
  return z.string().superRefine(checkedBy(isShareOrSize)).default(preset).meta({ description });
}

export function compressionField(description: string) {
  return z
    .string()
    .transform((value, context) => {
      const parsed = parseCompression(value);
      if (parsed) return parsed;
      const hint = 'Write "none", "zstd", "zstd:1" to "zstd:19", "gzip", or "gzip:1" to "gzip:9"';
      context.addIssue({ code: "custom", message: "it is not a compression", params: { hint } });
      return z.NEVER;
    })
    .prefault("none")
    .meta({ description });
}
