/** Loopback stand-ins for the endpoints that hand credentials to machines and containers. */
import { randomBytes } from "node:crypto";
import { once } from "node:events";
import { createServer, type IncomingMessage, type ServerResponse } from "node:http";

/** What such an endpoint gives out. `expiration` is ISO 8601. */
export interface RoleCredentials {
  readonly accessKeyId: string;
  readonly secretAccessKey: string;
  readonly sessionToken: string;
  readonly expiration: string;
}

/** A running endpoint. Set `credentials` to rotate them; undefined answers 404, as a machine without a role. */
export interface CredentialsEndpoint extends AsyncDisposable {
  readonly endpoint: string;
  credentials: RoleCredentials | undefined;
  /** Method and path of each request. */
  readonly requests: readonly string[];
}

/** IMDSv2 alone: a request without a token from PUT /latest/api/token is refused, as "HttpTokens: required" does. */
export async function startFakeImds(credentials?: RoleCredentials, role = "etcd-ark"): Promise<CredentialsEndpoint> {
  const tokens = new Set<string>();
  return await serve(credentials, (request, { credentials: current }) => {
    if (request.method === "PUT" && request.url === "/latest/api/token") {
      if (!request.headers["x-aws-ec2-metadata-token-ttl-seconds"]) return { status: 400, body: "" };
      const token = randomBytes(12).toString("base64url");
      tokens.add(token);
      return { status: 200, body: token };
    }
    if (!tokens.has(String(request.headers["x-aws-ec2-metadata-token"]))) return { status: 401, body: "" };
    if (!current) return { status: 404, body: "" };
    const roles = "/latest/meta-data/iam/security-credentials";
    if (request.url === `${roles}/`) return { status: 200, body: role };
    if (request.url !== `${roles}/${role}`) return { status: 404, body: "" };
    return { status: 200, body: JSON.stringify({ Code: "Success", Type: "AWS-HMAC", ...document(current) }) };
  });
}

/** The container endpoint at /credentials; refuses another authorization than `token`, if one is given. */
export async function startFakeContainerCredentials(
  credentials?: RoleCredentials,
  token?: string,
): Promise<CredentialsEndpoint> {
  return await serve(credentials, (request, { credentials: current }) => {
    if (request.url !== "/credentials") return { status: 404, body: "" };
    if (token !== undefined && request.headers.authorization !== token) return { status: 401, body: "" };
    return current ? { status: 200, body: JSON.stringify(document(current)) } : { status: 404, body: "" };
  });
}

function document({ accessKeyId, secretAccessKey, sessionToken, expiration }: RoleCredentials) {
  return { AccessKeyId: accessKeyId, SecretAccessKey: secretAccessKey, Token: sessionToken, Expiration: expiration };
}

interface State {
  credentials: RoleCredentials | undefined;
}

async function serve(
  credentials: RoleCredentials | undefined,
  answer: (request: IncomingMessage, state: State) => { status: number; body: string },
): Promise<CredentialsEndpoint> {
  const requests: string[] = [];
  const state: State = { credentials };
  const server = createServer((request: IncomingMessage, response: ServerResponse) => {
    requests.push(`${request.method} ${request.url}`);
    request.resume();
    const { status, body } = answer(request, state);
    response.writeHead(status, { "content-type": body.startsWith("{") ? "application/json" : "text/plain" }).end(body);
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const address = server.address();
  return {
    endpoint: `http://127.0.0.1:${typeof address === "object" && address ? address.port : 0}`,
    requests,
    get credentials() {
      return state.credentials;
    },
    set credentials(next) {
      state.credentials = next;
    },
    async [Symbol.asyncDispose]() {
      const closed = once(server, "close");
      server.close();
      server.closeAllConnections();
      await closed;
    },
  };
}
