import type { PageView } from "./job.ts";

const USERS = 10_000;

/** By their share of the visitors, the largest first. */
const COUNTRIES = "US IN BR DE GB JP FR ID MX NG IT KR ES CA TR PL VN AU NL EG SE AR CH NZ IE FI".split(" ");

const PAGES = [
  "/",
  "/search",
  "/cart",
  "/login",
  "/checkout",
  "/account",
  ...Array.from({ length: 60 }, (_, i) => `/products/${1001 + 7 * i}`),
  ...Array.from({ length: 20 }, (_, i) => `/help/${i + 1}`),
];

/** Page views as a shop gets them: few users, pages and countries make most of the traffic, and most visits are short. */
export function pageViews(): () => PageView {
  const anyCountry = zipf(COUNTRIES.length, 1);
  const users = Array.from({ length: USERS }, (_, i) => ({
    name: `user-${(i * 7919) % USERS}`,
    country: COUNTRIES[anyCountry()]!,
  }));
  const anyUser = zipf(USERS, 0.7);
  const anyPage = zipf(PAGES.length, 1.1);
  return () => {
    const { name, country } = users[anyUser()]!;
    return { user: name, page: PAGES[anyPage()]!, country, ms: duration(), timestamp: Date.now() };
  };
}

/** @returns a function that draws 0 .. n - 1, where k comes up in proportion to 1 / (k + 1) ** skew. */
function zipf(n: number, skew: number): () => number {
  const cumulated = new Float64Array(n);
  let total = 0;
  for (let k = 0; k < n; k++) {
    total += 1 / (k + 1) ** skew;
    cumulated[k] = total;
  }
  return () => {
    const drawn = Math.random() * total;
    let [low, high] = [0, n - 1];
    while (low < high) {
      const middle = (low + high) >> 1;
      if (cumulated[middle]! > drawn) high = middle;
      else low = middle + 1;
    }
    return low;
  };
}

/** Log-normal: a median of 8 s, and a few who stay for minutes. */
function duration(): number {
  const normal = Math.sqrt(-2 * Math.log(1 - Math.random())) * Math.cos(2 * Math.PI * Math.random());
  return Math.round(8_000 * Math.exp(normal));
}
