/** The same as `engines` of package.json: what an older Node says of the code that it cannot load helps nobody. */
export function refuseOldNode(version: string): string | undefined {
  const [major = 0, minor = 0] = version.split(".").map(Number);
  if (major > 24 || (major === 24 && minor >= 6) || (major === 22 && minor >= 22)) return undefined;
  return `millrace needs Node 22.22 or later of Node 22, or 24.6 or later; this is ${version}.`;
}
