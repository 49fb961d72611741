/** What an address names: `postgresql://reader:…@a:5432,b/shop` names two. */
export function hostsOf(address: string): string[] {
  return partsOf(address).hosts;
}

/** The same address once for each host. */
export function addressesOf(address: string): string[] {
  const { before, hosts, after } = partsOf(address);
  return hosts.map((host) => `${before}${host}${after}`);
}

function partsOf(address: string): { before: string; hosts: string[]; after: string } {
  const [, before = '', hosts = '', after = ''] =
    /^([a-z]+:\/\/(?:[^@/?#]*@)?)([^/?#]*)(.*)$/s.exec(address) ?? [];
  return { before, hosts: hosts.split(','), after };
}
