import { digestOf } from "./talk.js";

/** What a user of a Node client writes by hand for each value. The running totals of `state` are a Map in memory: lost in a crash. */

const LONG_LINE = 69;

export const isLong = (line) => line.length > LONG_LINE;

export function workOf(workload) {
  const sums = new Map();
  const add = (key, amount) => sums.set(key, (sums.get(key) ?? 0) + amount);
  const summed = () => digestOf(sums);
  switch (workload) {
    case "count": {
      let longLines = 0;
      const use = (line) => {
        if (isLong(line)) longLines++;
      };
      return { use, digest: () => String(longLines) };
    }
    case "words":
      return {
        use: (line) => {
          for (const word of line.split(" ")) add(word, 1);
        },
        digest: summed,
      };
    case "json":
      return {
        use: (line) => {
          const { country, ms } = JSON.parse(line);
          add(country, ms);
        },
        digest: summed,
      };
    case "state":
      return {
        use: (line) => {
          const [user, amount] = line.split(" ");
          add(user, Number(amount));
        },
        digest: summed,
      };
    case "copy":
      return { use: () => {}, digest: () => "" };
  }
}
