import type { Config } from "../config/schema.ts";
import type { Telemetry } from "../ports/telemetry.ts";
import { createTelemetry as createPinoTelemetry } from "../telemetry/create-telemetry.ts";

export interface TelemetryWiring {
  readonly config: Config;
  readonly level: Config["logging"]["level"];
  readonly colour: boolean;
  readonly output: { readonly isTTY: boolean; write(text: string): void };
}

/** The log: readable on a terminal, JSON lines elsewhere, unless the configuration says otherwise. */
export async function createTelemetry({ config, level, output, colour }: TelemetryWiring): Promise<Telemetry> {
  const { format } = config.logging;
  return await createPinoTelemetry({
    level,
    format: format === "auto" ? (output.isTTY ? "pretty" : "json") : format,
    stream: output,
    colour,
    context: { cluster: config.cluster, node: config.node },
  });
}
