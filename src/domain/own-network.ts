const OWN_IPV4 = /^(127|10|192\.168|172\.(1[6-9]|2\d|3[01])|169\.254|100\.(6[4-9]|[7-9]\d|1[01]\d|12[0-7]))\.[\d.]+$/;
const OWN_IPV6 = /^\[(::1|f[cd][0-9a-f]{2}:.*|fe[89ab][0-9a-f]:.*)\]$/;
const OWN_NAMES = /^[^.[]+$|\.(localhost|local|lan|internal|home\.arpa)$/;

/** Whether an address is on this machine or in a private network, by its name alone. */
export function isOwnNetwork(url: string): boolean {
  const { hostname } = new URL(url);
  return OWN_IPV4.test(hostname) || OWN_IPV6.test(hostname) || OWN_NAMES.test(hostname);
}

const LOOPBACK = /^(localhost|127(\.\d{1,3}){3}|::1|\[::1\])$/i;

/** Whether a host name or a listening address is reachable from this machine only. */
export function isLoopback(host: string): boolean {
  return LOOPBACK.test(host);
}
