/** The addresses of a broker list. */
export function brokersOf(bootstrap: string): { host: string; port: number }[] {
  return bootstrap.split(",").map((address) => {
    const colon = address.lastIndexOf(":");
    return { host: address.slice(0, colon), port: Number(address.slice(colon + 1)) };
  });
}
