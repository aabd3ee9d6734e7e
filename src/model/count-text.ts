/** For people: `1 record`, `1,200 records`; `many` where an "s" does not make the plural. */
export function countText(count: number, one: string, many = `${one}s`): string {
  return `${count.toLocaleString("en-US")} ${count === 1 ? one : many}`;
}
