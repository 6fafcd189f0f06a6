import { isIP } from "node:net";
import { type ConnectionOptions, checkServerIdentity, type SecureContext } from "node:tls";
import type { EtcdConfig } from "../config/schema.ts";
import type { Endpoint } from "./endpoint.ts";

/**
 * How to open TLS to `endpoint`. The name that the certificate must have is sent along only when it is a name: an
 * address is not allowed there (RFC 6066, 3).
 */
export function tlsOptions(
  endpoint: Endpoint,
  tls: Pick<EtcdConfig["tls"], "serverName" | "skipVerify">,
  secureContext: SecureContext,
): ConnectionOptions {
  const name = tls.serverName || endpoint.host;
  return {
    secureContext,
    ALPNProtocols: ["h2"],
    rejectUnauthorized: !tls.skipVerify,
    checkServerIdentity: (_host, certificate) => checkServerIdentity(name, certificate),
    ...(isIP(name) === 0 && { servername: name }),
  };
}
