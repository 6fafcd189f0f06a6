import { isIPv4 } from "node:net";
import { BackupError } from "../errors.ts";

type Environment = Readonly<Record<string, string | undefined>>;

const NAMES = ["HTTP_PROXY", "HTTPS_PROXY", "http_proxy", "https_proxy"] as const;

/**
 * What Node's agents take as `proxyEnv` (Node 24.5), from `s3.proxy` (a URL, `none`, or empty for the environment).
 * Variables mean what they mean to curl and Go. Rejects with `CONFIG_INVALID`, without the value, which may hold a password.
 */
export function proxyVariables(proxy: string, environment: Environment): Record<string, string> | undefined {
  if (proxy === "none") return undefined;
  if (proxy !== "") {
    const url = proxyUrl("s3.proxy", proxy);
    return { HTTP_PROXY: url, HTTPS_PROXY: url };
  }
  const proxies = NAMES.flatMap((name) => {
    const value = environment[name];
    return value ? [[name, proxyUrl(`$${name}`, value)] as const] : [];
  });
  if (proxies.length === 0) return undefined;
  const exceptions = environment["no_proxy"] || environment["NO_PROXY"];
  return { ...Object.fromEntries(proxies), ...(exceptions && { no_proxy: noProxy(exceptions) }) };
}

/** Node takes only a URL with a scheme, and decodes the user and password in it. */
function proxyUrl(name: string, value: string): string {
  // Its `href`, since Node looks for the scheme in small letters and says the value when a line break is in it.
  const url = URL.parse(value.includes("://") ? value : `http://${value}`);
  if (url && /^https?:$/.test(url.protocol) && isDecodable(url.username) && isDecodable(url.password)) return url.href;
  throw new BackupError("CONFIG_INVALID", `Cannot use the proxy of ${name}: it is no URL of http or https`, {
    hint: 'Write "http://host:port" or "http://user:password@host:port", with "%25" for a "%", or unset it',
  });
}

function isDecodable(text: string): boolean {
  try {
    decodeURIComponent(text);
    return true;
  } catch {
    return false;
  }
}

/** Go's meaning in Node's form: a domain stands for those below it as well, and a CIDR block for a range of addresses. */
function noProxy(exceptions: string): string {
  return exceptions
    .split(",")
    .map((item) => item.trim())
    .filter((item) => item !== "")
    .flatMap((item) => {
      const range = addressRange(item);
      if (range !== undefined) return range;
      return /^[\w-]+(\.[\w-]+)*$/.test(item) && !isIPv4(item) ? [item, `.${item}`] : item;
    })
    .join(",");
}

/** `10.0.0.0/8` as `10.0.0.0-10.255.255.255`; `undefined` for anything else. */
function addressRange(item: string): string | undefined {
  const [, address = "", bits = ""] = /^(\d+(?:\.\d+){3})\/(\d+)$/.exec(item) ?? [];
  if (address === "" || Number(bits) > 32) return undefined;
  const size = 2 ** (32 - Number(bits));
  const whole = address.split(".").reduce((sum, part) => sum * 256 + Number(part), 0);
  const first = whole - (whole % size);
  return `${dotted(first)}-${dotted(first + size - 1)}`;
}

function dotted(address: number): string {
  return [24, 16, 8, 0].map((shift) => Math.floor(address / 2 ** shift) % 256).join(".");
}
