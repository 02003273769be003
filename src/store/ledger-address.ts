/** A user without a host is valid here, and not in other URLs. */
export function parseAddress(url: string): URL {
  return new URL(url.replace(/^(\w+:\/\/[^/?#]*@)(?=[/?#]|$)/, '$1localhost'));
}

/** The URL without password and parameters. */
export function withoutSecrets(url: string): string {
  const address = parseAddress(url);
  address.password = '';
  address.search = '';
  address.hash = '';
  return address.href;
}
